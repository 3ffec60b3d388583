package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A command that has ended may leave children behind which hold its output open.
const outputPatience = 2 * time.Second

func execute(from *channel, out *reply, request []byte) error {
	var asked struct {
		Argv      []string          `json:"argv"`
		Env       map[string]string `json:"env"`
		Directory string            `json:"directory"`
		Seconds   float64           `json:"seconds"` // 0: for ever
		Files     bool              `json:"files"`   // its output goes there first
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	if len(asked.Argv) == 0 {
		return errors.New("the request names no command")
	}
	ctx, cancel := context.WithCancel(from.ctx)
	if asked.Seconds > 0 {
		limit := time.Duration(asked.Seconds * float64(time.Second))
		ctx, cancel = context.WithTimeout(from.ctx, limit)
	}
	defer cancel()
	command := exec.CommandContext(ctx, asked.Argv[0], asked.Argv[1:]...)
	command.Dir = asked.Directory
	command.Env = os.Environ()
	for name, value := range asked.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	said := []saying{{kind: messageBytes}, {kind: messageError}}
	command.Stdout, command.Stderr = stream{out, messageBytes}, stream{out, messageError}
	if asked.Files {
		for number := range said {
			if err := said[number].open(); err != nil {
				return err
			}
			defer said[number].file.Close()
		}
		command.Stdout, command.Stderr = said[0].file, said[1].file
	}
	// Its own group, so that what it started ends with it where it is ended from here.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = outputPatience
	// A pipe of our own: Wait would else wait for the end of what the host sends.
	input, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := startAsOthers(command); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(input, from)
		_ = input.Close()
	}()
	err = command.Wait()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return syscall.ETIMEDOUT
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return err
	}
	status, _ := command.ProcessState.Sys().(syscall.WaitStatus)
	code := command.ProcessState.ExitCode()
	if status.Signaled() {
		code = -int(status.Signal()) // as Python's subprocess says it
	}
	for _, each := range said {
		if err := each.send(out); err != nil {
			return err
		}
	}
	return out.say(map[string]any{"code": code})
}

const badness = "/proc/self/oom_score_adj"

var starting sync.Mutex

// startAsOthers starts a command for which the kernel's killer has no more mercy than for what else
// there is: it does not inherit the agent's. What a command starts has its own from the beginning.
func startAsOthers(command *exec.Cmd) error {
	starting.Lock()
	defer starting.Unlock()
	own, err := os.ReadFile(badness)
	isAsOthers := err != nil || strings.TrimSpace(string(own)) == "0"
	// Who may not change it has not been given any mercy either.
	if isAsOthers || os.WriteFile(badness, []byte("0"), 0) != nil {
		return command.Start()
	}
	defer func() {
		if err := os.WriteFile(badness, own, 0); err != nil {
			log.Printf("podresize-agent: %v", err)
		}
	}()
	return command.Start()
}

// saying is what a command says, in a file without a name. Whoever the command leaves behind may hold
// it open for as long as it lives, and write to it: a pipe would be held open, or break.
type saying struct {
	kind byte
	file *os.File
}

func (s *saying) open() error {
	file, err := os.CreateTemp("", "podresize-*")
	if err != nil {
		return err
	}
	s.file = file
	return os.Remove(file.Name())
}

// send sends what is there by now, and not what somebody adds meanwhile.
func (s *saying) send(out *reply) error {
	if s.file == nil {
		return nil
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	from := io.NewSectionReader(s.file, 0, info.Size())
	_, err = io.CopyBuffer(stream{out, s.kind}, struct{ io.Reader }{from}, make([]byte, piece))
	return err
}

func sendSignal(_ *channel, _ *reply, request []byte) error {
	var asked struct {
		Pid    int `json:"pid"`
		Number int `json:"number"`
	}
	if err := arguments(request, &asked); err != nil {
		return err
	}
	if asked.Pid <= 0 {
		return syscall.ESRCH // a group, or everything
	}
	return syscall.Kill(asked.Pid, syscall.Signal(asked.Number))
}
