// Command lane-peer is one side of a link, driven by a test over standard input: a command a line, an
// answer a line. See home.go and worker.go for what the sides do.
//
//	attach home|worker DESCRIPTOR
//	serve                 worker: accept lanes and answer on them, from now on
//	run SCENARIO N        home: one scenario, `ok …` or `failed …`
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
			if said, err := run(link, words[1], n); err != nil {
				answer = "failed " + err.Error()
			} else {
				answer += " " + said
			}
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

func status(key string) string {
	text, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, key); found {
			return strings.Fields(rest)[0]
		}
	}
	return "0"
}
