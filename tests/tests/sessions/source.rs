//! The source of a service, edited at random, and what it must answer.

use std::fmt::Write as _;

use fire_tests::driver::Project;

/// A sequence that looks random. Source: Marsaglia, Xorshift RNGs (2003).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What the source says: each field is a part of the answer, or changes how it comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Versions of `first`, `second`, of two methods and of the constant.
    first: u64,
    second: u64,
    method: u64,
    shelf: u64,
    constant: u64,
    /// `second` has so many more parameters.
    parameters: u64,
    /// A function `third` exists, in this version; and a generic one, `fourth`.
    third: Option<u64>,
    fourth: Option<u64>,
    pub broken: bool,
}

/// Parts of an answer.
pub const PARTS: usize = 7;

/// Those that functions with the same parameters give in every source, in the order in which they are called: whoever
/// has met a new one meets no old one afterwards.
pub const IN_ORDER: [usize; 3] = [0, 2, 6];

impl Source {
    pub fn begin() -> Self {
        Self {
            first: 0,
            second: 0,
            method: 0,
            shelf: 0,
            constant: 0,
            parameters: 0,
            third: None,
            fourth: None,
            broken: false,
        }
    }

    /// One random edit. Its kind, in words.
    pub fn edit(&mut self, random: &mut Random, version: u64) -> &'static str {
        if self.broken && random.below(2) == 0 {
            self.broken = false;
            return "mended";
        }
        let come_or_go = |function: &mut Option<u64>| {
            *function = function.is_none().then_some(version);
        };
        match random.below(12) {
            0 | 1 => {
                self.first = version;
                "a body"
            }
            2 => {
                self.method = version;
                "a method's body"
            }
            3 => {
                self.shelf = version;
                "a body in another package"
            }
            4 | 5 => {
                (self.first, self.second, self.method, self.shelf) =
                    (version, version, version, version);
                "four bodies in two files"
            }
            6 => {
                self.parameters = (self.parameters + 1) % 3;
                "a signature"
            }
            7 => {
                come_or_go(&mut self.third);
                "an addition or a removal"
            }
            8 => {
                come_or_go(&mut self.fourth);
                "an addition or a removal of a generic function"
            }
            9 => {
                self.constant = version;
                "a constant"
            }
            10 => {
                self.broken = true;
                self.second = version;
                "a breakage"
            }
            _ => {
                *self = Self::begin();
                "everything back"
            }
        }
    }

    fn main(&self) -> String {
        let mut text = String::from(
            "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n\t\"net/http\"\n\t\"sync/atomic\"\n\n\t\"example.com/app/shelf\"\n)\n\n\
             type service struct {\n\thits  atomic.Int64\n\tshelf *shelf.Shelf\n}\n\n",
        );
        let _ = writeln!(text, "const mark = {}\n", self.constant);
        let parameters: Vec<String> = (0..self.parameters)
            .map(|n| format!(", p{n} int"))
            .collect();
        let arguments: Vec<String> = (0..self.parameters).map(|n| format!(", {n}")).collect();
        let (parameters, arguments) = (parameters.concat(), arguments.concat());
        let _ = writeln!(text, "func first() int {{ return {} }}\n", self.first);
        let broken = if self.broken { " + undefined" } else { "" };
        let _ = writeln!(
            text,
            "func second(base int{parameters}) int {{ return base + {}{broken} }}\n",
            self.second
        );
        let _ = writeln!(
            text,
            "func (s *service) method() int {{ return int(s.hits.Load()*0) + {} }}\n",
            self.method
        );
        let (mut third, mut fourth) = ("-1", "-1");
        if let Some(version) = self.third {
            let _ = writeln!(
                text,
                "func third(of func() int) int {{ return of()*0 + {version} }}\n"
            );
            third = "third(first)";
        }
        if let Some(version) = self.fourth {
            let _ = writeln!(
                text,
                "func fourth[T any](list ...T) int {{ return len(list) - 2 + {version} }}\n"
            );
            fourth = "fourth(s.shelf, s.shelf)";
        }
        let _ = writeln!(
            text,
            "func (s *service) answer() string {{\n\treturn fmt.Sprint(first(), \" \", second(0{arguments}), \" \", s.method(), \" \", mark, \" \", {third}, \" \", {fourth}, \" \", s.shelf.Count())\n}}\n"
        );
        text.push_str(
            "func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {\n\t\
             s.shelf.Put(r.URL.Path)\n\tfmt.Fprint(w, s.hits.Add(1), \" \", s.answer())\n}\n\n\
             func main() {\n\tlistener, err := net.Listen(\"tcp\", \"127.0.0.1:0\")\n\tif err != nil {\n\t\tpanic(err)\n\t}\n\t\
             fmt.Println(\"port\", listener.Addr().(*net.TCPAddr).Port)\n\thttp.Serve(listener, &service{shelf: shelf.New()})\n}\n",
        );
        text
    }

    fn shelf(&self) -> String {
        format!(
            "package shelf\n\nimport \"sync\"\n\n\
             type Shelf struct {{\n\tmu    sync.Mutex\n\tseen  map[string]int\n}}\n\n\
             func New() *Shelf {{ return &Shelf{{seen: map[string]int{{}}}} }}\n\n\
             func (s *Shelf) Put(path string) {{\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\ts.seen[path]++\n}}\n\n\
             func (s *Shelf) Count() int {{\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\treturn len(s.seen) - len(s.seen) + {}\n}}\n",
            self.shelf
        )
    }

    pub fn answer(&self) -> [String; PARTS] {
        let shown =
            |function: Option<u64>| function.map_or("-1".to_owned(), |version| version.to_string());
        [
            self.first.to_string(),
            self.second.to_string(),
            self.method.to_string(),
            self.constant.to_string(),
            shown(self.third),
            shown(self.fourth),
            self.shelf.to_string(),
        ]
    }

    /// Saves what differs, in the order in which a request meets it last: a save that is seen in two halves leads from
    /// old to new as well. Gives the names of the files.
    pub fn save(&self, project: &Project, before: Option<&Self>) -> Vec<&'static str> {
        let mut saved = Vec::new();
        for (name, text) in [
            ("shelf/shelf.go", Self::shelf as fn(&Self) -> String),
            ("main.go", Self::main),
        ] {
            if before.is_none_or(|before| text(before) != text(self)) {
                project.write(name, &text(self));
                saved.push(name);
            }
        }
        saved
    }
}
