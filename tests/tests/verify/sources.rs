//! The modules that are verified.

/// A library, and in its tests a way to see whether a function of it has been moved: what it calls back finds the
/// agent's frames above itself.
pub const LIBRARY: &str = "package shop

import (
	\"errors\"
	\"fmt\"
	\"os\"
	\"strings\"
)

type Store struct{ items map[string]int }

func New() *Store { return &Store{items: map[string]int{}} }

func (s *Store) Add(name string, n int) error {
	if n < 0 {
		return errors.New(\"negative: \" + name)
	}
	s.items[name] += n
	return nil
}

func (s *Store) Count(name string) int { return s.items[name] }

func Shout(s string) string { return strings.ToUpper(s) + \"!\" }

func Save(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

func Divide(a, b int) int { return a / b }

type Pile[T any] struct{ list []T }

func (p *Pile[T]) Push(v T) *Pile[T] { p.list = append(p.list, v); return p }

func (p *Pile[T]) Len() int { return len(p.list) }

func Show(s *Store, name string) { fmt.Println(name, s.Count(name)) }
";

pub const TESTS: &str = "package shop

import (
	\"os\"
	\"testing\"
)

func TestMain(m *testing.M) {
	os.Setenv(\"SHOP\", \"open\")
	os.Exit(m.Run())
}

func TestAdd(t *testing.T) {
	if os.Getenv(\"SHOP\") != \"open\" {
		t.Fatal(\"TestMain has not run\")
	}
	s := New()
	for _, name := range []string{\"nail\", \"screw\"} {
		t.Run(name, func(t *testing.T) {
			if s.Add(name, 2) != nil || s.Count(name) != 2 {
				t.Error(\"not counted\")
			}
		})
	}
	if err := s.Add(\"nail\", -1); err == nil || err.Error() != \"negative: nail\" {
		t.Error(err)
	}
}

func TestParallel(t *testing.T) {
	for _, text := range []string{\"a\", \"b\", \"c\"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if Shout(text) == text {
				t.Error(text)
			}
		})
	}
}

type kind = uint8

func TestPile(t *testing.T) {
	if new(Pile[kind]).Push(1).Push(2).Len() != 2 || new(Pile[map[string]any]).Push(nil).Len() != 1 {
		t.Error(\"not pushed\")
	}
}

func TestAllocations(t *testing.T) {
	s := New()
	s.Add(\"nail\", 1)
	if n := testing.AllocsPerRun(10, func() { s.Count(\"nail\") }); n != 0 {
		t.Error(n)
	}
	if s.Count(\"nail\") != 1 {
		t.Error(\"not counted\")
	}
}

func TestSkipped(t *testing.T) { t.Skip(\"not today\") }

func TestFailsAlways(t *testing.T) { t.Error(Shout(\"no\")) }

func TestDivide(t *testing.T) {
	defer func() {
		if e, ok := recover().(error); !ok || e.Error() != \"runtime error: integer divide by zero\" {
			t.Error(e)
		}
	}()
	Divide(1, 0)
}

func FuzzShout(f *testing.F) {
	f.Add(\"seed\")
	f.Fuzz(func(t *testing.T, s string) {
		if len(Shout(s)) == 0 {
			t.Error(s)
		}
	})
}

func BenchmarkShout(b *testing.B) {
	for i := 0; i < b.N; i++ {
		Shout(\"hello\")
	}
}
";

pub const OUTSIDE: &str = "package shop_test

import (
	\"os\"
	\"path/filepath\"
	\"testing\"

	\"example.com/app/shop\"
)

func ExampleShow() {
	s := shop.New()
	s.Add(\"nail\", 3)
	shop.Show(s, \"nail\")
	// Output: nail 3
}

func TestGolden(t *testing.T) {
	want, err := os.ReadFile(\"testdata/golden\")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), \"saved\")
	if err := shop.Save(file, shop.Shout(\"gold\")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(file); string(got) != string(want) {
		t.Errorf(\"%s instead of %s\", got, want)
	}
}
";

/// Calls back, and its tests tell whether that came from a worker.
pub const EACH: &str = "package each

func Each(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}

func Twice(f func(int)) { Each(2, f) }

func Other(n int) int { return n + 1 }
";

pub const EACH_TESTS: &str = "package each

import (
	\"runtime/pprof\"
	\"strings\"
	\"testing\"
)

// Profiles show the stack as it is.
func moved() bool {
	var text strings.Builder
	pprof.Lookup(\"goroutine\").WriteTo(&text, 1)
	return strings.Contains(text.String(), \"fireagent/home.Call\")
}

func TestFine(t *testing.T) {
	if Other(1) != 2 {
		t.Error(\"not 2\")
	}
}

func TestTells(t *testing.T) {
	Each(Other(0), func(int) {
		if moved() {
			MOVED
		}
	})
}
";
