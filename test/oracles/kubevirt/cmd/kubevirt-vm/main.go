// Command kubevirt-vm decodes manifests of a VirtualMachine strictly into the types of KubeVirt, and prints them as a list in JSON. It fails on a field that
// they do not have.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"kubevirt.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	machines := []v1.VirtualMachine{}
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fail(path, err)
		}
		var machine v1.VirtualMachine
		if err := yaml.UnmarshalStrict(text, &machine); err != nil {
			fail(path, err)
		}
		machines = append(machines, machine)
	}
	if err := json.NewEncoder(os.Stdout).Encode(machines); err != nil {
		fail("standard output", err)
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}
