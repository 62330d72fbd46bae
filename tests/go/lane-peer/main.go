// Command lane-peer is one side of a link, driven by a test over standard input: a command a line, an
// answer a line. See home.go and worker.go for what the sides do.
//
//	attach home|worker DESCRIPTOR
//	serve                 worker: accept lanes and answer on them, from now on
//	run SCENARIO N        home: one scenario, `ok …` or `failed …`
//	start SCENARIO N      home: begins a scenario; `outcome` is its answer
//	sends                 home: how many frames the scenario has begun to send
//	shut                  home: closes the lane of the scenario that was started, from another goroutine
//	serving               worker: how many lanes it answers on
//	counted               worker: how many frames came that ask for no answer
//	die STEP              worker: ends by SIGKILL at its next step of that name: accepted, received, sent
//	threads               how many threads this process has
//	cpu                   microseconds of processor time that this process has used
//	memory                kilobytes of shared memory that this process has mapped and touched
//	close                 close the link
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"fireagent/lane"
)

func main() {
	debug.SetMaxThreads(1000)
	var link *lane.Link
	outcome := make(chan string, 1)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		answer := "ok"
		switch words[0] {
		case "attach":
			side := lane.Home
			if words[1] == "worker" {
				side = lane.Worker
			}
			var err error
			if link, err = lane.Attach(side, words[2]); err != nil {
				answer = "failed " + err.Error()
			}
		case "serve":
			go serve(link)
		case "run":
			n, _ := strconv.Atoi(words[2])
			answer = ran(link, words[1], n)
		case "start":
			n, _ := strconv.Atoi(words[2])
			go func() { outcome <- ran(link, words[1], n) }()
		case "outcome":
			answer = <-outcome
		case "sends":
			answer = fmt.Sprint(sends.Load())
		case "shut":
			current.Load().Close()
		case "serving":
			answer = fmt.Sprint(serving.Load())
		case "counted":
			answer = fmt.Sprint(counted.Load())
		case "die":
			dying.Store(words[1])
		case "threads":
			answer = status("Threads:")
		case "memory":
			answer = status("RssShmem:")
		case "cpu":
			var used syscall.Rusage
			syscall.Getrusage(syscall.RUSAGE_SELF, &used)
			answer = strconv.FormatInt((used.Utime.Nano()+used.Stime.Nano())/1000, 10)
		case "close":
			link.Close()
		}
		fmt.Println(answer)
	}
}

func ran(link *lane.Link, scenario string, n int) string {
	said, err := run(link, scenario, n)
	if err != nil {
		return "failed " + err.Error()
	}
	return "ok " + said
}

func status(key string) string {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, key); found {
			return strings.Fields(rest)[0]
		}
	}
	return "0"
}
