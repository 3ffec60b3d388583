// Agent is how the host reaches into a guest: it reads and writes files, runs commands, passes
// connections on and watches cgroups, all over one virtio-serial port. The protocol is described in
// podresize/guest/frames.py and messages.py, which are its other half.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
)

const devicePath = "/dev/virtio-ports/org.podresize.agent"

func main() {
	log.SetFlags(0) // journald has the time
	device := flag.String("port", devicePath, "the port's device")
	listen := flag.String("listen", "", "a unix socket to serve instead, for tests without a guest")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "unknown argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	var open port
	var err error
	if *listen != "" {
		open, err = listenSocket(*listen)
	} else {
		open, err = openDevice(*device)
	}
	if err != nil {
		log.Fatalf("podresize-agent: %v", err)
	}
	log.Fatalf("podresize-agent: %v", newMultiplexer(open).serve())
}
