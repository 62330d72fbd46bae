package lane

// The layout of a segment. The Rust half has the same constants under the same names in upper case, and a test
// there reads this file: it is the golden file of both. All offsets and sizes are in bytes.
//
// A segment is header, arena, lanes. A lane is two mailboxes, home's to the worker first.
const (
	magic         = 0x6d68736572696601
	layoutVersion = 1

	// The geometry, in the header. Written once, by the host; copied and checked by each side.
	atMagic     = 0
	atVersion   = 8
	atNonce     = 16
	atLanes     = 24  // how many lanes there can be
	atBlocks    = 28  // how many blocks the arena has
	atLimit     = 32  // the longest payload of a frame
	atFirst     = 36  // the sequence number that every mailbox starts at
	atSpin      = 40  // the longest time to spin, in nanoseconds
	atPrepared  = 44  // how many lanes have pages from the start
	atLinkEnd   = 128 // not 0: the link is closed
	atOpened    = 256 // how many lanes home has opened
	atAccepting = 384 // not 0: the worker waits for another
	atHome      = 1024
	atWorker    = 3584
	atClaimed   = 6144 // a bit for each block of the arena that is in use
	headerSize  = 8192

	// Of one side, relative to atHome and atWorker.
	atAsleep  = 0   // not 0: the side's doorman must be woken by its bell
	atSummary = 128 // a bit for each word of atNews that is not 0
	atNews    = 256 // a bit for each lane that has news for a goroutine of this side
	sideSize  = 2560

	blockSize   = 65536
	mostBlocks  = 512
	mostLanes   = 16384
	laneSize    = 4096
	mailboxSize = 2048

	// Of a mailbox. The first line is all that a short frame touches; the receiver's line is its own.
	atHead     = 0 // sequence number u32, length of the payload u32
	atWhat     = 8 // flags u16, kind u16, form u16, block u16
	atCall     = 16
	atInline   = 24
	inlineSize = 40
	atWaiting  = 128
	atBulk     = 256
	bulkSize   = 1792

	// Where a frame's payload is, and whether more of it follows.
	formInline = 0
	formBulk   = 1
	formBlock  = 2
	formNext   = 3 // no frame: the receiver of a chunk asks for the next
	formMore   = 0x8000

	// What a mailbox's waiting word says of its receiver.
	awake       = 0
	inFutex     = 1 // it sleeps in the kernel on this word
	withDoorman = 2 // set the lane's bit, ring the bell
	shutDown    = 3 // the lane is closed; stays so
)
