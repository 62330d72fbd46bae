package lane

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// ends are both sides of a link whose socket is there, without a host.
func ends(t testing.TB) (home, worker *Link) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.lanes")
	side := func(how func(int, syscall.Sockaddr) error) *Link {
		link := &Link{limit: 2 << 20, lanes: map[int32]*Lane{}}
		link.path = path
		fd, err := newSocket(syscall.AF_UNIX, syscall.SOCK_DGRAM)
		if err == nil {
			err = how(fd, &syscall.SockaddrUnix{Name: path})
		}
		if err == nil {
			err = link.doorman.hire(link)
		}
		if err != nil {
			t.Fatal(err)
		}
		file, err := pollable(fd, "lanes")
		if err != nil {
			t.Fatal(err)
		}
		link.closeWith(file)
		if link.socket, err = file.SyscallConn(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(link.Close)
		return link
	}
	worker = side(syscall.Bind)
	return side(syscall.Connect), worker
}

// FuzzDatagram takes bytes and a count of descriptors for what comes to the worker's socket: it is a lane if home could have
// sent it, and otherwise nothing, with nothing left open.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{lanesEnds}, uint8(2))
	f.Add([]byte{lanesEnds}, uint8(1))
	f.Add([]byte{lanesEnds}, uint8(0))
	f.Add([]byte{lanesEnds, 0}, uint8(2))
	f.Add([]byte{2}, uint8(2))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(3))
	f.Fuzz(func(t *testing.T, said []byte, count uint8) {
		home, worker := ends(t)
		defer home.Close()
		defer worker.Close()
		said, count = said[:min(len(said), 1000)], count%20
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		fds := make([]int, count)
		for i := range fds {
			fds[i] = int(null.Fd())
		}
		var rights []byte
		if count > 0 {
			rights = syscall.UnixRights(fds...)
		}
		home.socket.Write(func(fd uintptr) bool {
			_, err = syscall.SendmsgN(int(fd), said, rights, nil, 0)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		taken, err := worker.take()
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if len(said) == 1 && said[0] == lanesEnds {
			want = min(int(count), 2) // the kernel closes what there is no room for
		}
		if len(taken) != want {
			t.Errorf("%d descriptors of %d with %x", len(taken), count, said)
		}
		closeAll(taken)
	})
}

// Of FIFOs, and of sockets once there are many others.
func TestAWriterWithoutRoomEndsWithItsPeer(t *testing.T) {
	home, worker := ends(t)
	for i := range ofFIFOs + 2 {
		ours, err := home.Open()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := worker.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if i != 0 && i != ofFIFOs+1 {
			continue
		}
		if sockets := ours.from == ours.to; sockets != (i > 0) {
			t.Fatalf("lane %d is made of sockets: %v", i, sockets)
		}
		sent := make(chan error)
		go func() { sent <- ours.Send(Frame{Payload: make([]byte, home.limit)}) }()
		if !theirs.enter() || theirs.readTo(headerSize) != nil {
			t.Fatal("nothing arrives")
		}
		theirs.leave()
		theirs.Close()
		if err := <-sent; err != ErrClosed {
			t.Errorf("lane %d: %v", i, err)
		}
		if _, err := ours.Recv(); err != ErrClosed {
			t.Errorf("lane %d: %v", i, err)
		}
	}
}
