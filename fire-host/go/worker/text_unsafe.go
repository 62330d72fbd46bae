package worker

import (
	"reflect"
	"unsafe"
)

// bytesOrString is a type parameter of which generic code does not know what it is.
type bytesOrString interface{ ~string | ~[]byte }

func isText[S bytesOrString]() bool { return reflect.TypeFor[S]().Kind() == reflect.String }

// TextOf is string(s).
func TextOf[S bytesOrString](s S) string {
	if isText[S]() {
		return *(*string)(unsafe.Pointer(&s))
	}
	return String(*(*[]byte)(unsafe.Pointer(&s)))
}

// BytesOf is []byte(s).
func BytesOf[S bytesOrString](s S) []byte {
	if isText[S]() {
		return Bytes(*(*string)(unsafe.Pointer(&s)))
	}
	return *(*[]byte)(unsafe.Pointer(&s))
}

// OfText is S(text).
func OfText[S bytesOrString](text string) (s S) {
	if isText[S]() {
		*(*string)(unsafe.Pointer(&s)) = text
	} else {
		*(*[]byte)(unsafe.Pointer(&s)) = Bytes(text)
	}
	return s
}

// OfBytes is S(b), which is b itself where it is a slice.
func OfBytes[S bytesOrString](b []byte) (s S) {
	if isText[S]() {
		*(*string)(unsafe.Pointer(&s)) = String(b)
	} else {
		*(*[]byte)(unsafe.Pointer(&s)) = b
	}
	return s
}

// OfEither is S(from).
func OfEither[S, F bytesOrString](from F) S {
	if isText[F]() {
		return OfText[S](*(*string)(unsafe.Pointer(&from)))
	}
	return OfBytes[S](*(*[]byte)(unsafe.Pointer(&from)))
}

// ByteAt is s[i].
func ByteAt[S bytesOrString, I ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](s S, i I) byte {
	if isText[S]() {
		return (*(*string)(unsafe.Pointer(&s)))[i]
	}
	return Load(&(*(*[]byte)(unsafe.Pointer(&s)))[i])
}

// CloneMap is maps.Clone.
func CloneMap[M ~map[K]V, K comparable, V any](m M) M {
	if m == nil {
		return nil
	}
	clone := MakeMap[M](MapLen(m))
	for it := MapRange(m); it.Next(); {
		Map(clone).Set(it.Key(), it.Value())
	}
	return clone
}
