package lane

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// door is what the tcp transport keeps of a link. The worker listens on a port of its own choice and announces it to
// the host; home asks the host for it and dials it once for each lane. Every connection opens with a hello: the
// link's token, which is compared in constant time, and who is there. Raw sockets, because package net would be linked into
// the worker at every reload.
type door struct {
	token    [tokenSize]byte
	to       syscall.SockaddrInet4 // home: where the worker listens
	incoming chan *Lane            // worker: lanes that have shown their token
	ended    chan struct{}
	dropped  atomic.Uint64 // connections without the token
}

const (
	tokenSize   = 32
	addressSize = 6 // IPv4 address and port, in network order
	helloSize   = tokenSize + 1 + addressSize

	isWorker = 'w' // to the host: here is where I listen
	isHome   = 'h' // to the host: where does the worker listen?
	isLane   = 'l' // to the worker
)

// patienceForHello is how long a connection may take to say who it is.
const patienceForHello = 5 * time.Second

// Attach attaches this process to a link, as that side. The descriptor is
// `host=<IPv4 address>:<port>;token=<hexadecimal>;limit=<bytes>`. Home waits until the worker has attached.
func Attach(side Side, descriptor string) (*Link, error) {
	link := &Link{lanes: map[int32]*Lane{}}
	link.incoming, link.ended = make(chan *Lane), make(chan struct{})
	host, err := link.parse(descriptor)
	if err != nil {
		return nil, err
	}
	if err := link.attach(side, &host); err != nil {
		link.Close()
		return nil, err
	}
	return link, nil
}

func (l *Link) attach(side Side, host *syscall.SockaddrInet4) error {
	if err := l.doorman.hire(l); err != nil {
		return err
	}
	var accepting syscall.RawConn
	who, address := byte(isHome), make([]byte, addressSize)
	if side == Worker {
		who = isWorker
		listener, err := listen(host.Addr, address)
		if err == nil {
			l.closeWith(listener)
			accepting, err = listener.SyscallConn()
		}
		if err != nil {
			return errors.New("fire lane: cannot listen: " + err.Error())
		}
	}
	fd, err := l.greet(host, who, address)
	if err != nil {
		return errors.New("fire lane: the host does not answer: " + err.Error())
	}
	watched, err := pollable(fd, "host")
	if err != nil {
		return err
	}
	if side == Worker {
		go l.accept(accepting)
	} else {
		if err := readFull(watched, address); err != nil {
			watched.Close()
			return ErrClosed
		}
		copy(l.to.Addr[:], address)
		l.to.Port = int(address[4])<<8 | int(address[5])
	}
	l.closeAtEnd(watched)
	return nil
}

// parse reads the descriptor and returns the host's address.
func (l *Link) parse(descriptor string) (host syscall.SockaddrInet4, err error) {
	wrong := errors.New("fire lane: not a descriptor of the tcp transport")
	for _, field := range strings.Split(descriptor, ";") {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "host":
			address, port, _ := strings.Cut(value, ":")
			if host.Port, err = strconv.Atoi(port); err != nil {
				return host, wrong
			}
			for i, part := range strings.SplitN(address, ".", 4) {
				n, err := strconv.ParseUint(part, 10, 8)
				if err != nil {
					return host, wrong
				}
				host.Addr[i] = byte(n)
			}
		case "token":
			if len(value) != 2*tokenSize {
				return host, wrong
			}
			for i := range l.token {
				n, err := strconv.ParseUint(value[2*i:2*i+2], 16, 8)
				if err != nil {
					return host, wrong
				}
				l.token[i] = byte(n)
			}
		case "limit":
			if l.limit, err = strconv.Atoi(value); err != nil {
				return host, wrong
			}
		}
	}
	if l.limit <= 0 || host.Port == 0 {
		return host, wrong
	}
	return host, nil
}

// Open dials another lane. Home only.
func (l *Link) Open() (*Lane, error) {
	fd, err := l.greet(&l.to, isLane, make([]byte, addressSize))
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed || err == syscall.ECONNREFUSED {
			return nil, ErrClosed
		}
		return nil, errors.New("fire lane: cannot dial the worker: " + err.Error())
	}
	return l.adopt(fd, fd)
}

// greet dials and says hello, in blocking mode.
func (l *Link) greet(to *syscall.SockaddrInet4, who byte, address []byte) (int, error) {
	fd, err := newSocket(syscall.AF_INET, syscall.SOCK_STREAM)
	if err != nil {
		return -1, err
	}
	if err := connect(fd, to); err != nil {
		return -1, err
	}
	if err := undelayed(fd); err != nil {
		return -1, err
	}
	hello := append(append(append(make([]byte, 0, helloSize), l.token[:]...), who), address...)
	// So few bytes go into a new connection at once.
	if n, err := syscall.Write(fd, hello); n != helloSize {
		syscall.Close(fd)
		if err == nil {
			err = syscall.EPIPE
		}
		return -1, err
	}
	return fd, nil
}

// undelayed makes small frames go out at once. It closes the descriptor on failure.
func undelayed(fd int) error {
	err := syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err != nil {
		syscall.Close(fd)
	}
	return err
}

// listen listens on a free port of the given address and writes down where.
func listen(at [4]byte, address []byte) (*os.File, error) {
	fd, err := newSocket(syscall.AF_INET, syscall.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	var bound syscall.Sockaddr
	if err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at}); err == nil {
		if err = syscall.Listen(fd, 4096); err == nil {
			bound, err = syscall.Getsockname(fd)
		}
	}
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	if inet, ok := bound.(*syscall.SockaddrInet4); ok {
		copy(address, inet.Addr[:])
		address[4], address[5] = byte(inet.Port>>8), byte(inet.Port)
	}
	return pollable(fd, "lanes")
}

// accept takes connections until the link is closed.
func (l *Link) accept(listener syscall.RawConn) {
	defer close(l.ended)
	for {
		fd, err := acceptOn(listener)
		if err == ErrClosed {
			return
		}
		if err != nil { // Out of descriptors: the caller waits, and so does this.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		go l.admit(fd)
	}
}

// admit makes a lane of a connection that has come in.
func (l *Link) admit(fd int) {
	if undelayed(fd) == nil {
		l.hear(fd)
	}
}

// hear makes a lane of a connection that shows the link's token in time.
func (l *Link) hear(fd int) {
	lane, err := l.adopt(fd, fd)
	if err != nil {
		return
	}
	late := time.AfterFunc(patienceForHello, lane.Close)
	lane.in = make([]byte, helloSize) // No more than the hello: a frame may follow.
	if lane.enter() {
		err = lane.readTo(helloSize)
		lane.leave()
	}
	if !late.Stop() || err != nil || lane.have != helloSize || !l.knows(lane.in) || lane.in[tokenSize] != isLane {
		l.dropped.Add(1)
		lane.Close()
		return
	}
	lane.in = make([]byte, 512)
	select {
	case l.incoming <- lane:
	case <-l.ended:
		lane.Close()
	}
}

// knows compares a hello's token with the link's, in a time that does not depend on how much of it is right.
func (l *Link) knows(hello []byte) bool {
	different := byte(0)
	for i := range l.token {
		different |= hello[i] ^ l.token[i]
	}
	return different == 0
}

// Accept waits for home to open another lane. Worker only.
func (l *Link) Accept() (*Lane, error) {
	select {
	case lane := <-l.incoming:
		return lane, nil
	case <-l.ended:
		return nil, ErrClosed
	}
}

func readFull(file *os.File, into []byte) error {
	for len(into) > 0 {
		n, err := file.Read(into)
		if err != nil {
			return err
		}
		into = into[n:]
	}
	return nil
}

// acceptOn waits in Go's poller for a connection to a listening socket.
func acceptOn(listener syscall.RawConn) (int, error) {
	fd := -1
	var failed error
	err := listener.Read(func(listening uintptr) bool {
		for {
			syscall.ForkLock.RLock()
			fd, _, failed = syscall.Accept(int(listening))
			if failed == nil {
				syscall.CloseOnExec(fd)
			}
			syscall.ForkLock.RUnlock()
			switch failed {
			case syscall.EAGAIN:
				return false
			case syscall.EINTR, syscall.ECONNABORTED:
			default:
				return true
			}
		}
	})
	switch {
	case err != nil:
		return -1, ErrClosed
	case failed == syscall.EINVAL || failed == syscall.EBADF:
		return -1, ErrClosed
	}
	return fd, failed
}
