package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// units returns properties of systemd's units as `systemctl show` says them.
func units(from *channel, out *reply, request []byte) error {
	var asked struct {
		Units      []string `json:"units"`
		Properties []string `json:"properties"` // none: all of them
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	arguments := []string{"show", "--no-pager"}
	if len(asked.Properties) > 0 {
		arguments = append(arguments, "--property="+strings.Join(asked.Properties, ","))
	}
	found := map[string]map[string]string{}
	// One at a time: systemctl leaves a unit out of which it has nothing to say.
	for _, unit := range asked.Units {
		var text, complaint strings.Builder
		command := exec.CommandContext(from.ctx, "systemctl", append(arguments, "--", unit)...)
		command.Stdout, command.Stderr = &text, &complaint
		err := startAsOthers(command)
		if err == nil {
			err = command.Wait()
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("systemctl show %s: %s", unit, strings.TrimSpace(complaint.String()))
		}
		if err != nil {
			return err
		}
		found[unit] = map[string]string{}
		for _, line := range strings.Split(text.String(), "\n") {
			if name, value, isOne := strings.Cut(line, "="); isOne {
				found[unit][name] = value
			}
		}
	}
	return out.say(map[string]any{"units": found})
}
