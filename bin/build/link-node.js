// Links the Node.js that package.json brings as node_modules/.bin/node, where npm scripts find it before an older one of the host.
// npm 10, which comes with Node 20 and 22, removes that link after it has made it: it cleans up after the package of the other
// architecture, whose link would have the same name. Runs after npm ci, with whichever Node.js the host has.
import { existsSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
const program = `node-${process.platform}-${process.arch}/bin/node`;
const link = `${modules}/.bin/node`;
if (existsSync(`${modules}/${program}`) && !existsSync(link)) symlinkSync(`../${program}`, link);
