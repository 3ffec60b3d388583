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
		text, err := exec.CommandContext(from.ctx, "systemctl", append(arguments, "--", unit)...).Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("systemctl show %s: %s", unit, strings.TrimSpace(string(exit.Stderr)))
		}
		if err != nil {
			return err
		}
		found[unit] = map[string]string{}
		for _, line := range strings.Split(string(text), "\n") {
			if name, value, isOne := strings.Cut(line, "="); isOne {
				found[unit][name] = value
			}
		}
	}
	return out.say(map[string]any{"units": found})
}
