package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// A watch must not stand still because the host reads slowly: so many messages may wait.
	mostWaiting = 4096
	beatEvery   = 100 * time.Millisecond
	// A command names the files of one subject.
	longestCommand = 256 << 10
)

var errSlowReader = errors.New("the host does not read fast enough what is seen")

// watch looks at a rate until the host's end of its channel, and once after that.
type watch[Command any] struct {
	out      *reply
	queue    chan any
	sent     sync.WaitGroup
	commands chan Command
	stop     chan struct{}
}

// newWatch begins to read commands, a JSON object a line, and to send what is put into the queue.
func newWatch[Command any](from *channel, out *reply) *watch[Command] {
	made := &watch[Command]{
		out: out, queue: make(chan any, mostWaiting),
		commands: make(chan Command, 64), stop: make(chan struct{}),
	}
	made.sent.Add(1)
	go func() {
		defer made.sent.Done()
		for each := range made.queue {
			if out.say(each) != nil {
				from.cancel()
			}
		}
	}()
	go func() {
		defer close(made.stop)
		lines := bufio.NewReaderSize(from, longestCommand)
		for {
			line, err := lines.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				from.cancel() // it would have us keep all that comes
			}
			if err != nil {
				return
			}
			var command Command
			if json.Unmarshal(line, &command) == nil {
				select {
				case made.commands <- command:
				case <-from.ctx.Done():
					return
				}
			}
		}
	}()
	return made
}

func (w *watch[Command]) say(what any) error {
	select {
	case w.queue <- what:
		return nil
	default:
		return errSlowReader
	}
}

// run calls look at a rate, from the times at which it was due, so that it does not drift, and never
// in a burst to make up for what was missed. The last look is told that it is the last.
func (w *watch[Command]) run(from *channel, rate float64, follow func(Command), look func(last bool) error) error {
	defer func() {
		close(w.queue)
		w.sent.Wait()
	}()
	if rate <= 0 {
		return errors.New("a rate is above 0")
	}
	interval := time.Duration(float64(time.Second) / rate)
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := look(false); err != nil {
			return err
		}
		if due = due.Add(interval); due.Before(time.Now()) {
			due = time.Now()
		}
		if !timer.Stop() {
			select {
			case <-timer.C:
			default:
			}
		}
		timer.Reset(time.Until(due))
		for waits := true; waits; {
			select {
			case <-timer.C:
				waits = false
			case command := <-w.commands:
				follow(command)
			case <-w.stop:
				if from.ctx.Err() != nil {
					return io.ErrUnexpectedEOF
				}
				w.drain(follow)
				return look(true) // what changed until the end was seen
			}
		}
	}
}

// drain follows what was said before the end: of two channels that are ready either may be taken.
func (w *watch[Command]) drain(follow func(Command)) {
	for {
		select {
		case command := <-w.commands:
			follow(command)
		default:
			return
		}
	}
}
