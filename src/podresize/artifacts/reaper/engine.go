package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"
)

// One call may take as long as the engine takes to end a container.
const callTimeout = 30 * time.Second

const (
	// Without a version of the API: engines drop old ones, and these calls are in all of them.
	api = "http://engine"
	// Stands for what an engine that does not answer may have.
	unknown = ""
)

type engine struct{ client http.Client }

func newEngine(socket string) *engine {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial}
	return &engine{http.Client{Transport: transport, Timeout: callTimeout}}
}

// remove asks for the removal of all that has these labels, and returns how many things it found:
// it is called again until there are none. Containers go first, since they hold the others.
func (e *engine) remove(labels []string) int {
	kinds := []struct {
		list, place, how string
		read             func([]byte) ([]string, error)
	}{
		{"/containers/json?all=1", "/containers/", "?force=1&v=1", ids},
		{"/networks?", "/networks/", "", ids},
		{"/volumes?", "/volumes/", "?force=1", volumeNames},
	}
	found := 0
	for _, kind := range kinds {
		for _, name := range e.list(kind.list, labels, kind.read) {
			found++
			if name != unknown {
				e.delete(kind.place + url.PathEscape(name) + kind.how)
			}
		}
	}
	return found
}

func ids(body []byte) ([]string, error) {
	var listed []struct{ Id string }
	err := json.Unmarshal(body, &listed)
	var found []string
	for _, each := range listed {
		found = append(found, each.Id)
	}
	return found, err
}

func volumeNames(body []byte) ([]string, error) {
	var listed struct{ Volumes []struct{ Name string } }
	err := json.Unmarshal(body, &listed)
	var names []string
	for _, each := range listed.Volumes {
		names = append(names, each.Name)
	}
	return names, err
}

// list returns what the engine has; of an engine that does not answer it is something unknown, so
// that it is asked again.
func (e *engine) list(
	path string, labels []string, read func([]byte) ([]string, error),
) []string {
	filters, _ := json.Marshal(map[string][]string{"label": labels})
	body, err := e.call(http.MethodGet, path+"&filters="+url.QueryEscape(string(filters)))
	if err == nil {
		var names []string
		if names, err = read(body); err == nil {
			return names
		}
	}
	log.Printf("%s: %v", path, err)
	return []string{unknown}
}

func (e *engine) delete(path string) {
	if _, err := e.call(http.MethodDelete, path); err != nil {
		log.Printf("%s: %v", path, err)
		return
	}
	log.Printf("removed %s", path)
}

func (e *engine) call(method, path string) ([]byte, error) {
	request, err := http.NewRequest(method, api+path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %.200s", answer.Status, body)
	}
	return body, err
}
