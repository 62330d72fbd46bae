package lane

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// door is what the pipe transport keeps of a link: a Unix-domain socket in a directory of mode 0700.
// The worker listens on it, and home dials it once for each lane.
type door struct {
	path     string
	listener syscall.RawConn
}

// Attach attaches this process to a link, as that side. The descriptor is
// `path=<socket>;host=<socket>;limit=<bytes>`. Precondition: the worker attaches before home does.
func Attach(side Side, descriptor string) (*Link, error) {
	link := &Link{lanes: map[int32]*Lane{}}
	var host string
	for _, field := range strings.Split(descriptor, ";") {
		switch key, value, _ := strings.Cut(field, "="); key {
		case "path":
			link.path = value
		case "host":
			host = value
		case "limit":
			limit, err := strconv.Atoi(value)
			if err != nil {
				return nil, errors.New("fire lane: the descriptor's limit is not a number: " + value)
			}
			link.limit = limit
		}
	}
	if link.path == "" || host == "" || link.limit <= 0 {
		return nil, errors.New("fire lane: not a descriptor of the pipe transport: " + descriptor)
	}
	if err := link.attach(side, host); err != nil {
		link.Close()
		return nil, err
	}
	return link, nil
}

func (l *Link) attach(side Side, host string) error {
	if err := l.doorman.hire(l); err != nil {
		return err
	}
	fd, err := dial(host)
	if err != nil {
		return errors.New("fire lane: the host's socket " + host + ": " + err.Error())
	}
	watched, err := pollable(fd, "host")
	if err != nil {
		return err
	}
	l.closeAtEnd(watched)
	if side == Worker {
		if err := l.listen(); err != nil {
			return errors.New("fire lane: cannot listen on " + l.path + ": " + err.Error())
		}
	}
	return nil
}

// Open dials another lane. Home only.
func (l *Link) Open() (*Lane, error) {
	fd, err := dial(l.path)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed || err == syscall.ECONNREFUSED {
			return nil, ErrClosed
		}
		return nil, errors.New("fire lane: cannot dial " + l.path + ": " + err.Error())
	}
	return l.adopt(fd)
}

// Accept waits for home to open another lane. Worker only.
func (l *Link) Accept() (*Lane, error) {
	fd, err := acceptOn(l.listener)
	if err != nil {
		return nil, err
	}
	return l.adopt(fd)
}

func (l *Link) listen() error {
	fd, err := newSocket(syscall.AF_UNIX)
	if err != nil {
		return err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: l.path}); err != nil {
		syscall.Close(fd)
		return err
	}
	if err := syscall.Listen(fd, 4096); err != nil {
		syscall.Close(fd)
		return err
	}
	file, err := pollable(fd, "lanes")
	if err != nil {
		return err
	}
	l.closeWith(file)
	l.listener, err = file.SyscallConn()
	return err
}

// dial connects in blocking mode: a non-blocking connect fails while the listener's queue is full.
func dial(path string) (int, error) {
	fd, err := newSocket(syscall.AF_UNIX)
	if err != nil {
		return -1, err
	}
	return fd, connect(fd, &syscall.SockaddrUnix{Name: path})
}
