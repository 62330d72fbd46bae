package lane

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// segmentFile makes the file of a segment of two lanes and four blocks, as the host would.
func segmentFile(t testing.TB, limit uint32) (fresh []byte, path string) {
	t.Helper()
	shape := geometry{lanes: 2, blocks: 4}
	fresh = make([]byte, shape.size())
	binary.LittleEndian.PutUint64(fresh[atMagic:], magic)
	for at, value := range map[int]uint32{atVersion: layoutVersion, atLanes: 2, atBlocks: 4, atLimit: limit, atFirst: 7, atPrepared: 2} {
		binary.LittleEndian.PutUint32(fresh[at:], value)
	}
	binary.LittleEndian.PutUint64(fresh[atNonce:], 1)
	path = filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(path, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	return fresh, path
}

// FuzzLane lets a peer write anything anywhere between the steps of a receiver: each piece of the input is written when the
// receiver has asked for it. It receives frames within the limit, or errors.
func FuzzLane(f *testing.F) {
	piece := func(at uint32, bytes ...byte) []byte {
		return append(append(binary.LittleEndian.AppendUint32(nil, at), byte(len(bytes))), bytes...)
	}
	worker := uint32(geometry{blocks: 4}.lane(0) + mailboxSize)
	line := func(seq, length uint32, form, block uint16) []byte {
		b := binary.LittleEndian.AppendUint32(nil, seq)
		b = binary.LittleEndian.AppendUint32(b, length)
		b = append(b, 0, 0, 1, 0)
		b = binary.LittleEndian.AppendUint16(b, form)
		return binary.LittleEndian.AppendUint16(b, block)
	}
	f.Add(piece(worker, line(8, 3, formInline, 0)...))
	f.Add(piece(worker, line(8, 300, formBulk, 0)...))
	f.Add(append(piece(worker, line(8, 300, formBulk|formMore, 0)...), piece(worker, line(9, 40, formBlock, 3)...)...))
	f.Add(piece(worker, line(8, 1<<31, formBlock, 9)...))
	f.Add(piece(worker, line(9, 0, formNext, 0)...))
	f.Add(piece(atOpened, 0xff, 0xff, 0xff, 0xff))

	const limit = 100_000
	fresh, path := segmentFile(f, limit)
	memory, err := openSegment(path, len(fresh))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		copy(memory.bytes, fresh)
		link := &Link{side: Home, memory: memory, accepted: make(chan struct{}, 1)}
		if err := link.readGeometry(len(fresh), 1); err != nil {
			t.Fatal(err)
		}
		link.doorman = silent(t, link)
		lane, err := link.Open()
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan struct{})
		written := make(chan struct{})
		go func() {
			defer close(written)
			hostile(lane, pieces(input, len(fresh)), received)
		}()
		for {
			frame, err := lane.Recv()
			if err != nil {
				break
			}
			if len(frame.Payload) > limit {
				t.Fatalf("a frame of %d bytes", len(frame.Payload))
			}
			if lane.Send(frame) != nil {
				break
			}
		}
		close(received)
		<-written
	})
}

// hostile writes a piece whenever the receiver has published something, or does not get on with what is there; then it closes
// the lane.
func hostile(lane *Lane, pieces []fragment, received chan struct{}) {
	head := atomic.LoadUint64(&lane.out.head)
	for _, piece := range pieces {
		copy(lane.link.memory.bytes[piece.at:], piece.bytes)
		notify(lane.wake)
		for range 100 {
			if now := atomic.LoadUint64(&lane.out.head); now != head {
				head = now
				break
			}
			runtime.Gosched()
		}
	}
	for {
		lane.in.waiting.Store(shutDown)
		notify(lane.wake)
		select {
		case <-received:
			return
		default:
			runtime.Gosched()
		}
	}
}

type fragment struct {
	at    int
	bytes []byte
}

// pieces cuts an input into writes: an offset (4 bytes, taken modulo the size), a length (1 byte), the bytes.
func pieces(input []byte, size int) (found []fragment) {
	for len(input) > 5 {
		at, n := int(binary.LittleEndian.Uint32(input))%size, int(input[4])
		n = min(n, len(input)-5, size-at)
		found = append(found, fragment{at, input[5 : 5+n]})
		input = input[5+n:]
	}
	return found
}

// silent is a doorman that nobody has hired: its bell rings in a pipe of its own.
func silent(t *testing.T, link *Link) doorman {
	reader, bell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); bell.Close() })
	ringing, err := bell.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return doorman{
		link: link, own: atHome, peer: atWorker, bell: reader, peerFile: bell, ringing: ringing,
		asleep: link.memory.word(atHome + atAsleep), peerAsleep: link.memory.word(atWorker + atAsleep),
	}
}

// FuzzGeometry takes bytes for the header of a segment: it is refused, or everything that is derived from it lies inside.
func FuzzGeometry(f *testing.F) {
	fresh, path := segmentFile(f, 1000)
	f.Add(fresh[:64])
	f.Add([]byte{})
	memory, err := openSegment(path, len(fresh))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header []byte) {
		copy(memory.bytes, fresh)
		copy(memory.bytes, header[:min(len(header), headerSize)])
		link := &Link{memory: memory}
		if link.readGeometry(len(fresh), 1) != nil {
			return
		}
		if link.shape.lane(link.shape.lanes) > len(fresh) || link.prepared > link.shape.lanes || link.shape.lanes < 1 {
			t.Errorf("%+v of %d bytes, %d prepared", link.shape, len(fresh), link.prepared)
		}
		newLane(link, link.shape.lanes-1)
	})
}

// Home looks at who accepts only after it has said that there is another lane: meanwhile the lane may have been accepted, and the
// next one be waited for.
func TestALateLookAtWhoAcceptsLosesNoLane(t *testing.T) {
	fresh, path := segmentFile(t, 100)
	bells := []string{path + ".home", path + ".worker"}
	for _, bell := range bells {
		if err := syscall.Mkfifo(bell, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	side := func(side Side, own, peer string) *Link {
		memory, err := openSegment(path, len(fresh))
		if err != nil {
			t.Fatal(err)
		}
		link := &Link{side: side, memory: memory, accepted: make(chan struct{}, 1)}
		if err := link.readGeometry(len(fresh), 1); err != nil {
			t.Fatal(err)
		}
		if err := link.doorman.hire(link, own, peer); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(link.Close)
		return link
	}
	home, worker := side(Home, bells[0], bells[1]), side(Worker, bells[1], bells[0])
	accepted := make(chan error, 1)
	go func() {
		_, err := worker.Accept()
		accepted <- err
	}()
	for home.memory.word(atAccepting).Load() != withDoorman || home.doorman.peerAsleep.Load() == 0 {
		runtime.Gosched()
	}
	home.callAcceptor() // for a lane that has been accepted long since
	for home.doorman.peerAsleep.Load() == 0 {
		runtime.Gosched()
	}
	if _, err := home.Open(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-accepted:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the lane is never accepted")
	}
}
