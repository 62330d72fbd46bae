// Package wire is what home and worker agree on: the table of operations and the encoding of values.
//
// A frame's payload is little-endian. Every count and length is checked against what is left of the payload
// before it is used. Values are encoded by layout programs that the worker derives from its own types and
// defines at home once, so both ends walk memory by the same instructions.
package wire

// Version of this table. Home refuses a worker that was built for another.
const Version = 9

// LineSize is the size of the pieces in which workers read memory without pointers. Pieces are aligned, so that each lies
// in one page.
const LineSize = 256

// Frames from home. Init, Call, CallClosure, DropClosures and Serves begin work in the worker, on a lane of their own or within a
// call whose operation is under way: the frame's number says within how many calls. Stack asks what the worker is at; the others
// answer an operation.
const (
	Init uint16 = 1 + iota
	Call
	CallClosure
	DropClosures
	Answer
	AnswerPanic
	AnswerGoexit
	Serves // whether calls of some functions come here from now on, their ids
	Stack  // in place of an answer: the frames of a body that waits are wanted, from one on, no more than so many, within so many calls
)

// Frames from the worker that end a call, and the answer to Stack.
const (
	Return uint16 = 32 + iota
	Panic
	Goexit
	StackFrames
)

// Operations of the worker on home memory, each answered by one of the answers above.
const (
	DefineType uint16 = 64 + iota // code, name, size, program
	BindType                      // home's key of a type, code
	ResolveFunction
	ResolveVariable
	DefineFunction
	Load // of a type that holds strings, a u8 follows the value: whether the bytes of one lie in memory that the worker may write
	Store
	New
	Zero
	MakeSlice
	SliceOf
	Append
	AppendSlice
	AppendString
	Copy
	CopyString
	ClearSlice
	String
	StringOfRunes
	Bytes
	Runes
	MakeMap
	MapGet
	MapSet
	MapDelete
	MapLen
	MapClear
	MapIterate
	MapNext
	MapDone
	MakeChan
	ChanSend
	ChanRecv
	ChanClose
	ChanLen
	ChanCap
	Select
	CallFunction
	CallMethod
	CallFunc
	Implements
	TypeName
	Equal
	Spawn
	SameType
	Print
	AssertionFailed // codes of the static type and of the asserted one, the value
	LoadLine        // u64 address of LineSize bytes, which hold no more than the worker may see: raw
	Writes          // nothing but the writes that come with it
	FunctionName    // u64 word of a function value; its name, empty if it is no declared function of the user's
	BornVariable    // name, code of its type: home makes it if it has none of this name
	Held            // u64 lowest and u64 first address above what this call has handed out
	StillKnown      // u32 count, so many u64 in ascending order: the worker knows no other address of what this call has handed out
	CallDeferred    // the value of a panic, and a function value as in CallFunc: the panic calls it, and goes on unless it recovers
)

// WithWrites is the flag of a frame from the worker that begins with what the body has written: a u32 length, and so many bytes of
// the writes below, in the order in which they were made. They are carried out before what the frame says.
const WithWrites uint16 = 1

// Crowded is the flag of an answer after which the worker should say what it still knows of what its call was handed out.
const Crowded uint16 = 1

// Kinds of a write. The kind comes first.
const (
	WriteBytes = iota // u64 address, u32 length, bytes: memory without pointers
	WriteValue        // u32 code of the type, u64 address, the value
)

// How an interface value is encoded: one of these bytes comes first.
const (
	InterfaceNil     = iota
	InterfaceKnown   // u32 code of the type, its value
	InterfaceProxy   // u32 home's key of the type, u8 whether the word is the value itself, u64 word
	InterfaceNamed   // home to worker, until the key is bound: as a proxy, with the type's name after the key
	InterfaceRuntime // worker to home: a runtime error, by its text
)

// NoType is the code in BindType of a type that the worker does not know.
const NoType = ^uint32(0)

// How a function value is encoded: one of these bytes comes first.
const (
	FuncNil     = iota
	FuncHome    // u64 word
	FuncClosure // u64 id of a closure that lives in the worker
	FuncNamed   // worker to home: a declared function, by its id
)

// What a hosted function is, in the answer to Init.
const (
	HostedMoved       = iota // home has an entry for it
	HostedAdded              // it has none yet: the codes of its parameters and results follow
	HostedAddedDots          // the same, and the last parameter takes several
	HostedInitialiser        // it gives variables that are born at home their first values: their names follow
)

// Kinds of a case in Select.
const (
	CaseSend = iota
	CaseReceive
)

// Kinds of a value in Print.
const (
	PrintNothing = iota // an interface without a value
	PrintBool
	PrintInt
	PrintUint
	PrintFloat
	PrintComplex
	PrintText
	PrintSlice
	PrintPointer
)
