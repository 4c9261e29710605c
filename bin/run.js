#!/usr/bin/env node
// Old syntax throughout, so that an old Node can read this file far enough to say that it is too old.
import { existsSync, readFileSync } from 'fs';
import { basename, dirname, join } from 'path';
import { fileURLToPath } from 'url';

// Node opens its inspector on SIGUSR1, and whoever reaches its port can then run code here. Whatever sends that signal, it is ignored.
process.on('SIGUSR1', function () {});

var LEAST_NODE = 24;

var root = dirname(dirname(fileURLToPath(import.meta.url)));
var main = new URL('../dist/cli/main.js', import.meta.url);
var loaders = new URL('../dist/commands/loaders.js', import.meta.url);
var argv = process.argv.slice(2);
var calledAs = process.argv[1];

/** A wrong setting, not a fault of the program: the exit code of a usage error. */
function refuse(sentence) {
  process.stderr.write(sentence + '\n');
  process.exitCode = 2;
}

function readJson(name) {
  return JSON.parse(readFileSync(join(root, name), 'utf8'));
}

/** Main has a sentence for each reason. */
function refuseOutput(error) {
  process.exitCode = 14;
  try {
    process.stderr.write('Error: standard output could not be written: ' + error.code + '.\n');
  } catch {
    // There is nobody to tell.
  }
}

function run() {
  var pjson = readJson('package.json');
  if (argv[0] === '--version' && basename(calledAs) !== 'hyperctl') {
    // Answered before oclif is loaded, and in its words.
    var host = process.platform + '-' + process.arch + ' node-' + process.version;
    process.stdout.on('error', refuseOutput);
    process.stdout.write(pjson.name + '/' + pjson.version + ' ' + host + '\n');
    return;
  }
  if (!existsSync(main)) {
    refuse('hyper2kvm is not built in ' + root + ': run npm run build there.');
    return;
  }
  Promise.all([import(main.href), import(loaders.href)])
    .then(function (modules) {
      var bundle = {
        root: root,
        pjson: pjson,
        manifest: readJson('oclif.manifest.json'),
        commands: modules[1].COMMAND_LOADERS,
        quickAnswers: modules[1].QUICK_ANSWERS,
      };
      return modules[0].main({ calledAs: calledAs, argv: argv, bundle: bundle });
    })
    .catch(function (error) {
      console.error(error);
      process.exitCode = 1;
    });
}

if (parseInt(process.versions.node, 10) < LEAST_NODE) {
  refuse('hyper2kvm needs Node.js ' + LEAST_NODE + ' or later, and this is ' + process.version + '.');
} else {
  run();
}
