package lane

import (
	"os"
	"syscall"
)

// doorman wakes the goroutines that wait long. Lanes are not under Go's poller themselves: a frame that comes in for a
// lane that spins would wake one of the runtime's threads each time, for nothing. They are in an epoll instance of
// the link, which is told of a lane only when its goroutine parks, for one event; and this instance
// is under Go's poller.
type doorman struct {
	link *Link
	fd   int
	file *os.File
}

// What a lane parks for.
const (
	forNews = syscall.EPOLLIN | syscall.EPOLLRDHUP
	forRoom = syscall.EPOLLOUT
	oneShot = 1 << 30 // EPOLLONESHOT
)

// hire starts the doorman. It ends when the link is closed.
func (d *doorman) hire(link *Link) error {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	d.link, d.fd = link, fd
	if d.file, err = pollable(fd, "lanes"); err != nil {
		return err
	}
	link.closeWith(d.file)
	bell, err := d.file.SyscallConn()
	if err != nil {
		return err
	}
	go d.work(bell)
	return nil
}

// introduce makes a lane known. Nobody waits in it yet.
func (d *doorman) introduce(lane *Lane) error {
	err := d.tell(syscall.EPOLL_CTL_ADD, lane.from, lane, 0)
	if err == nil && lane.to != lane.from {
		err = d.tell(syscall.EPOLL_CTL_ADD, lane.to, lane, 0)
	}
	return err
}

// tell asks for the next of these events on one of the lane's descriptors. That the peer hangs up is always among them.
func (d *doorman) tell(operation, fd int, lane *Lane, events uint32) error {
	return syscall.EpollCtl(d.fd, operation, fd, &syscall.EpollEvent{Events: events | oneShot, Fd: lane.id})
}

// park waits for an event on the lane; false once it is closed. There may have been none.
func (l *Lane) park(events uint32) bool {
	if l.users.Load()&lastUser != 0 {
		return false
	}
	// What has happened before these calls counts as well.
	var err error
	if events == forNews || l.from == l.to {
		err = l.link.doorman.tell(syscall.EPOLL_CTL_MOD, l.from, l, events)
	} else if err = l.link.doorman.tell(syscall.EPOLL_CTL_MOD, l.from, l, 0); err == nil {
		err = l.link.doorman.tell(syscall.EPOLL_CTL_MOD, l.to, l, events)
	}
	if err != nil {
		return false
	}
	<-l.wake
	return l.users.Load()&lastUser == 0
}

func (d *doorman) work(bell syscall.RawConn) {
	events := make([]syscall.EpollEvent, 128)
	// It ends with the file.
	bell.Read(func(fd uintptr) bool {
		for {
			n, err := syscall.EpollWait(int(fd), events, 0)
			if n <= 0 && err != syscall.EINTR {
				return false
			}
			d.link.mu.Lock()
			for _, event := range events[:max(n, 0)] {
				if lane := d.link.lanes[event.Fd]; lane != nil {
					notify(lane.wake)
				}
			}
			d.link.mu.Unlock()
		}
	})
}
