// Command probe is the workload of the checks: it shows from inside the container that it was
// neither restarted nor stalled, uses what it is told to use, and says what its cgroup says.
//
//	probe [serve] [--hold-mib N] [--burn-millicores N]   one heartbeat line per 100 ms
//	probe cgroup                                         cpu and memory values, cgroup v1 or v2
//	probe watch [--every MS] [--seconds S]               settings and identity, when they change
//	probe identity                                       pid and start time of process 1
//	probe allocate N [--seconds S] [--in DIRECTORY]      hold N MiB, or a file of N MiB there
//	probe burn N [--seconds S]                           use N millicores
//
// Everything is printed as one JSON object per line. SIGTERM and SIGINT end it at once with 0; a
// wrong call ends with 2, a failure with 1 and a line on standard error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

func main() {
	// The probe must live in small limits: memory that it was not told to hold is a disturbance.
	debug.SetGCPercent(25)
	debug.SetMemoryLimit(8 << 20)
	exitOnSignal()

	command, rest := "serve", os.Args[1:]
	if len(rest) > 0 && rest[0] != "" && rest[0][0] != '-' {
		command, rest = rest[0], rest[1:]
	}
	switch command {
	case "serve":
		serve(rest)
	case "cgroup":
		show(cgroup("/sys/fs/cgroup"))
	case "watch":
		watch(rest)
	case "identity":
		show(identity("/proc/1/stat"))
	case "allocate":
		directory := ""
		amount, limit := amountAndSeconds(command, rest, func(flags *flag.FlagSet) {
			flags.StringVar(&directory, "in", "", "hold a file there instead")
		})
		if err := allocate(directory, amount); err != nil {
			fail(err)
		}
		show(map[string]any{"held_mib": amount}, nil)
		wait(limit)
	case "burn":
		amount, limit := amountAndSeconds(command, rest, nil)
		burn(amount)
		show(map[string]any{"burn_millicores": amount}, nil)
		wait(limit)
	default:
		usage("unknown command " + strconv.Quote(command))
	}
}

func exitOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		os.Exit(0)
	}()
}

func serve(arguments []string) {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	mib := flags.Int("hold-mib", fromEnvironment("HOLD_MIB"), "MiB to allocate, touch and keep")
	millicores := flags.Int("burn-millicores", fromEnvironment("BURN_MILLICORES"), "CPU to use")
	_ = flags.Parse(arguments)
	if flags.NArg() > 0 || *mib < 0 || *millicores < 0 {
		usage("serve takes --hold-mib N and --burn-millicores N, N >= 0")
	}
	if err := hold(*mib); err != nil {
		fail(err)
	}
	burn(*millicores)
	heartbeat(os.Stdout)
}

func allocate(directory string, mib int) error {
	if directory == "" {
		return hold(mib)
	}
	return fill(directory, mib)
}

// amountAndSeconds reads N and --seconds; more, where there is one, adds a command's own flags.
func amountAndSeconds(
	command string, arguments []string, more func(*flag.FlagSet),
) (int, time.Duration) {
	if len(arguments) == 0 {
		usage(command + " needs a number")
	}
	amount, err := strconv.Atoi(arguments[0])
	if err != nil || amount < 0 {
		usage(command + " needs a number >= 0, not " + strconv.Quote(arguments[0]))
	}
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	seconds := flags.Float64("seconds", 0, "end after that many seconds; 0: at SIGTERM")
	if more != nil {
		more(flags)
	}
	_ = flags.Parse(arguments[1:])
	return amount, time.Duration(*seconds * float64(time.Second))
}

func wait(limit time.Duration) {
	if limit > 0 {
		time.Sleep(limit)
		return
	}
	select {}
}

// fromEnvironment reads PROBE_<name>, so that a pod can say it in env instead of args.
func fromEnvironment(name string) int {
	text := os.Getenv("PROBE_" + name)
	if text == "" {
		return 0
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		usage("PROBE_" + name + " is not a number: " + strconv.Quote(text))
	}
	return number
}

func show(value any, err error) {
	if err != nil {
		fail(err)
	}
	line, err := json.Marshal(value)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "probe:", err)
	os.Exit(1)
}

func usage(problem string) {
	fmt.Fprintln(os.Stderr, "probe:", problem)
	os.Exit(2)
}
