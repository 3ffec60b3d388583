// Reaper removes what a killed run left in a container engine. It speaks the protocol of
// testcontainers' Ryuk, whose own program cannot be had everywhere: a client sends lines
// "label=KEY=VALUE", joined by "&", each is answered "ACK", and once the last client has been gone
// for RYUK_RECONNECTION_TIMEOUT, all that carries every label of one of these lines is removed.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/url"
	"os"
	"time"
)

const (
	// Who starts a reaper and dies before it says what is its own leaves the reaper alone.
	firstClient = time.Minute
	// Between two tries at what the engine did not remove at once.
	pause = 500 * time.Millisecond
	// After as long what is left is told and left.
	deadline = 2 * time.Minute
)

type clients struct {
	came, went chan struct{}
	filters    chan []string
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	grace, err := time.ParseDuration(getenv("RYUK_RECONNECTION_TIMEOUT", "10s"))
	if err != nil {
		log.Fatalf("RYUK_RECONNECTION_TIMEOUT: %v", err)
	}
	listener, err := net.Listen("tcp", getenv("REAPER_ADDRESS", ":8080"))
	if err != nil {
		log.Fatal(err)
	}
	all := clients{make(chan struct{}), make(chan struct{}), make(chan []string)}
	go accept(listener, all)
	log.Print("Started!")
	wanted := wait(all, grace)
	engine := newEngine(getenv("DOCKER_SOCKET", "/var/run/docker.sock"))
	end := time.Now().Add(deadline)
	for {
		left := 0
		for _, labels := range wanted {
			left += engine.remove(labels)
		}
		if left == 0 {
			log.Print("Removed all")
			return
		}
		if time.Now().After(end) {
			log.Fatalf("%d things could not be removed", left)
		}
		time.Sleep(pause)
	}
}

// wait returns the filters once no client has been there for the time of grace.
func wait(all clients, grace time.Duration) map[string][]string {
	wanted := map[string][]string{}
	connected := 0
	timer := time.NewTimer(firstClient)
	for {
		select {
		case <-all.came:
			connected++
			timer.Stop()
		case <-all.went:
			connected--
			if connected == 0 {
				timer = time.NewTimer(grace)
			}
		case labels := <-all.filters:
			wanted[fmt.Sprint(labels)] = labels
		case <-timer.C:
			if connected == 0 {
				return wanted
			}
		}
	}
}

func accept(listener net.Listener, all clients) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		all.came <- struct{}{}
		go serve(connection, all)
	}
}

func serve(connection net.Conn, all clients) {
	defer func() {
		connection.Close()
		all.went <- struct{}{}
	}()
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		labels := labelsOf(lines.Text())
		// Without a label everything would match, also what is not the client's.
		if len(labels) == 0 {
			log.Printf("no label in %q", lines.Text())
			continue
		}
		all.filters <- labels
		if _, err := fmt.Fprintln(connection, "ACK"); err != nil {
			return
		}
	}
}

func labelsOf(line string) []string {
	values, err := url.ParseQuery(line)
	if err != nil {
		return nil
	}
	for _, label := range values["label"] {
		if label == "" {
			return nil
		}
	}
	return values["label"]
}

func getenv(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
