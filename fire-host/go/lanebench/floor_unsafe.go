package main

import (
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// floor plays ping-pong with what the machine itself offers: a cache line that two processes write in turn, two bare
// pipes (FIFOs), a bare loopback socket, each from a thread of its own in blocking system calls.
func floor(kind, side, where string, n int) (string, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ping, end, err := pings(kind, side, where)
	if err != nil {
		return "", err
	}
	defer end()
	if side == "home" {
		return measure(n, ping)
	}
	for {
		if ping() != nil {
			return "ok", nil
		}
	}
}

func pings(kind, side, where string) (ping func() error, end func(), err error) {
	switch kind {
	case "line":
		return line(side, where)
	case "pipe":
		return pipe(side, where)
	case "tcp":
		return tcp(side, where)
	}
	return nil, nil, errors.New("no such floor: " + kind)
}

var errEnded = errors.New("the other side has ended")

// ended is the count by which home tells the other side that it is done.
const ended = 1 << 30

func line(side, where string) (func() error, func(), error) {
	file, err := os.OpenFile(where, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	word := (*uint32)(unsafe.Pointer(&memory[0]))
	turn := uint32(0)
	if side == "worker" {
		return func() error {
			for {
				switch atomic.LoadUint32(word) {
				case turn + 1:
					turn += 2
					*word = turn
					return nil
				case ended:
					return errEnded
				}
			}
		}, func() {}, nil
	}
	return func() error {
		*word = turn + 1
		turn += 2
		for atomic.LoadUint32(word) != turn {
		}
		return nil
	}, func() { atomic.StoreUint32(word, ended) }, nil
}

func pipe(side, where string) (func() error, func(), error) {
	first, second := syscall.O_WRONLY, syscall.O_RDONLY
	if side == "worker" {
		first, second = second, first
	}
	there, err := syscall.Open(where+".there", first, 0)
	if err != nil {
		return nil, nil, err
	}
	back, err := syscall.Open(where+".back", second, 0)
	if err != nil {
		return nil, nil, err
	}
	end := func() { syscall.Close(there); syscall.Close(back) }
	if side == "worker" {
		return answering(there, back), end, nil
	}
	return asking(there, back), end, nil
}

func tcp(side, where string) (func() error, func(), error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	at := &syscall.SockaddrInet4{Port: number(where), Addr: [4]byte{127, 0, 0, 1}}
	if side == "worker" {
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
		if err := syscall.Bind(fd, at); err != nil {
			return nil, nil, err
		}
		if err := syscall.Listen(fd, 1); err != nil {
			return nil, nil, err
		}
		listening := fd
		if fd, _, err = syscall.Accept(listening); err != nil {
			return nil, nil, err
		}
		syscall.Close(listening)
	} else {
		for err = syscall.Connect(fd, at); err == syscall.ECONNREFUSED; err = syscall.Connect(fd, at) {
			runtime.Gosched() // The other side is about to listen.
		}
		if err != nil {
			return nil, nil, err
		}
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	end := func() { syscall.Close(fd) }
	if side == "worker" {
		return answering(fd, fd), end, nil
	}
	return asking(fd, fd), end, nil
}

// frame is as long as the frame of an empty payload in the transports over streams.
const frame = 16

func asking(there, back int) func() error {
	buffer := make([]byte, frame)
	return func() error {
		if err := bare(syscall.SYS_WRITE, there, buffer); err != nil {
			return err
		}
		return bare(syscall.SYS_READ, back, buffer)
	}
}

func answering(there, back int) func() error {
	buffer := make([]byte, frame)
	return func() error {
		if err := bare(syscall.SYS_READ, there, buffer); err != nil {
			return err
		}
		return bare(syscall.SYS_WRITE, back, buffer)
	}
}

// bare makes a system call that Go's scheduler does not hear of.
func bare(call uintptr, fd int, buffer []byte) error {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&buffer[0])), frame)
	switch {
	case errno == syscall.EINTR:
		return bare(call, fd, buffer)
	case errno != 0:
		return errno
	case n != frame:
		return errEnded
	}
	return nil
}
