package lane

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// door is what the pipe transport keeps of a link: a Unix-domain datagram socket in a directory of mode 0700. The worker
// reads from it, and home is connected to it; each datagram carries the worker's ends of a lane.
//
// A lane is two FIFOs, in the same directory until both are open: they answer several times faster than a socket for whom
// two sides spin, because a socket is locked by its reader while the writer wants it. Each side holds the one that it
// writes to open for reading as well: so a write to a peer that is gone raises no SIGPIPE, which the program may have
// asked to be told of. That the peer is gone shows in the other. When there are many lanes, most of them wait for long, and what
// counts is how many descriptors a process may have: the further ones are a socket each.
type door struct {
	path   string
	socket syscall.RawConn
}

const (
	// lanesEnds is the only datagram there is: its byte is the layout's version, its descriptors are what the worker reads
	// from and what it writes to, or one socket for both.
	lanesEnds = 1
	// ofFIFOs is how many lanes are made of FIFOs.
	ofFIFOs = 256
)

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
	fd, err := newSocket(syscall.AF_UNIX, syscall.SOCK_STREAM)
	if err != nil {
		return err
	}
	if err := connect(fd, &syscall.SockaddrUnix{Name: host}); err != nil {
		return errors.New("fire lane: the host's socket " + host + ": " + err.Error())
	}
	watched, err := pollable(fd, "host")
	if err != nil {
		return err
	}
	l.closeAtEnd(watched)
	if fd, err = newSocket(syscall.AF_UNIX, syscall.SOCK_DGRAM); err != nil {
		return err
	}
	if side == Home {
		if err := connect(fd, &syscall.SockaddrUnix{Name: l.path}); err != nil {
			return errors.New("fire lane: the worker's socket " + l.path + ": " + err.Error())
		}
	} else if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: l.path}); err != nil {
		syscall.Close(fd)
		return errors.New("fire lane: cannot make the socket " + l.path + ": " + err.Error())
	}
	file, err := pollable(fd, "lanes")
	if err != nil {
		return err
	}
	l.closeWith(file)
	l.socket, err = file.SyscallConn()
	return err
}

// Open makes another lane. Home only.
func (l *Link) Open() (*Lane, error) {
	l.mu.Lock()
	many := len(l.lanes) >= ofFIFOs
	l.mu.Unlock()
	pair := l.fifos
	if many {
		pair = sockets
	}
	ours, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	err = l.hand(theirs)
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, err
	}
	return l.adopt(ours[0], ours[len(ours)-1])
}

// sockets makes a pair of connected sockets: the end of home, and the worker's.
func sockets() (ours, theirs []int, err error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, errors.New("fire lane: cannot make a socket: " + err.Error())
	}
	return ends[:1], ends[1:], nil
}

// fifos makes a pair of FIFOs: what home reads from and writes to, and what the worker does.
func (l *Link) fifos() (ours, theirs []int, err error) {
	back, err := l.fifo("back")
	if err != nil {
		return nil, nil, err
	}
	there, err := l.fifo("there")
	if err != nil {
		closeAll(back[:])
		return nil, nil, err
	}
	return []int{back[0], there[1]}, []int{there[0], back[1]}, nil
}

func closeAll(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}

// fifo makes a FIFO, without a name once it is open: to read from, and to write to.
func (l *Link) fifo(name string) (ends [2]int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ends, ErrClosed
	}
	path := strings.TrimSuffix(l.path, ".lanes") + "." + name
	if err = syscall.Mkfifo(path, 0o600); err != nil {
		return ends, errors.New("fire lane: cannot make the FIFO " + path + ": " + err.Error())
	}
	defer syscall.Unlink(path)
	const how = syscall.O_NONBLOCK | syscall.O_CLOEXEC
	if ends[0], err = open(path, syscall.O_RDONLY|how); err != nil {
		return ends, err
	}
	if ends[1], err = open(path, syscall.O_RDWR|how); err != nil {
		syscall.Close(ends[0])
	}
	return ends, err
}

func open(path string, how int) (fd int, err error) {
	for {
		if fd, err = syscall.Open(path, how, 0); err == nil {
			return fd, nil
		} else if err != syscall.EINTR {
			return -1, errors.New("fire lane: cannot open the FIFO " + path + ": " + err.Error())
		}
	}
}

// hand gives the worker its ends of a lane.
func (l *Link) hand(ends []int) error {
	rights := syscall.UnixRights(ends...)
	var failed error
	err := l.socket.Write(func(fd uintptr) bool {
		for {
			_, failed = syscall.SendmsgN(int(fd), []byte{lanesEnds}, rights, nil, syscall.MSG_NOSIGNAL)
			if failed != syscall.EINTR {
				return failed != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil, failed == syscall.ECONNREFUSED, failed == syscall.EPIPE, failed == syscall.ECONNRESET:
		return ErrClosed
	case failed != nil:
		return errors.New("fire lane: cannot hand a lane to the worker: " + failed.Error())
	}
	return nil
}

// Accept waits for home to open another lane. Worker only.
func (l *Link) Accept() (*Lane, error) {
	for {
		ends, err := l.take()
		if err != nil {
			return nil, err
		}
		// Without ends it is not from home.
		if len(ends) > 0 {
			return l.adopt(ends[0], ends[len(ends)-1])
		}
	}
}

// take waits for a datagram, and returns the descriptors that it carries; none unless it is of this layout.
func (l *Link) take() (ends []int, err error) {
	said, rights := make([]byte, 2), make([]byte, syscall.CmsgSpace(2*4))
	var n, ofRights int
	var failed error
	err = l.socket.Read(func(fd uintptr) bool {
		for {
			n, ofRights, _, _, failed = syscall.Recvmsg(int(fd), said, rights, syscall.MSG_CMSG_CLOEXEC)
			if failed != syscall.EINTR {
				return failed != syscall.EAGAIN
			}
		}
	})
	if err != nil {
		return nil, ErrClosed
	}
	if failed != nil {
		return nil, failed
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:ofRights])
	for i := range messages {
		// A message of another kind carries none.
		some, _ := syscall.ParseUnixRights(&messages[i])
		ends = append(ends, some...)
	}
	if err != nil || n != 1 || said[0] != lanesEnds || len(ends) > 2 {
		closeAll(ends)
		ends = nil
	}
	return ends, nil
}
