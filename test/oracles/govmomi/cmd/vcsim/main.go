// Command vcsim starts govmomi's simulator of a vCenter or an ESXi host. It exists because the original is a nested Go
// module with replace directives, which "go install" refuses. Flags have the original's names and meanings.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("vcsim: ")

	listen := flag.String("l", "127.0.0.1:8989", "listen address; port 0 takes a free one")
	esx := flag.Bool("esx", false, "simulate a standalone ESXi host")
	username := flag.String("username", "", "login name (any is taken when empty)")
	password := flag.String("password", "", "login password")
	certFile := flag.String("tlscert", "", "PEM file of the server's certificate")
	keyFile := flag.String("tlskey", "", "PEM file of its key")
	machines := flag.Int("vm", 2, "virtual machines per resource pool")
	datacenters := flag.Int("dc", 1, "datacenters")
	clusters := flag.Int("cluster", 1, "clusters per datacenter")
	clusterHosts := flag.Int("host", 3, "hosts per cluster")
	standaloneHosts := flag.Int("standalone-host", 1, "standalone hosts per datacenter")
	datastores := flag.Int("ds", 1, "datastores")
	folders := flag.Int("folder", 0, "folders")
	autostart := flag.Bool("autostart", true, "power the virtual machines on")
	flag.Parse()

	model := simulator.VPX()
	if *esx {
		model = simulator.ESX()
	} else {
		model.Datacenter = *datacenters
		model.Cluster = *clusters
		model.ClusterHost = *clusterHosts
		model.Host = *standaloneHosts
		model.Folder = *folders
	}
	model.Machine = *machines
	model.Datastore = *datastores
	model.Autostart = *autostart
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	defer model.Remove()

	address := &url.URL{Host: *listen}
	if *username != "" {
		address.User = url.UserPassword(*username, *password)
	}
	model.Service.Listen = address
	model.Service.RegisterEndpoints = true
	model.Service.TLS = new(tls.Config)
	if *certFile != "" {
		pair, err := tls.LoadX509KeyPair(*certFile, *keyFile)
		if err != nil {
			log.Fatal(err)
		}
		model.Service.TLS.Certificates = []tls.Certificate{pair}
	}

	server := model.Service.NewServer()
	defer server.Close()
	fmt.Printf("export GOVC_URL=%s GOVC_SIM_PID=%d\n", server.URL, os.Getpid())

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	<-ended
}
