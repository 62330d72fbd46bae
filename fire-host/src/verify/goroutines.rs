//! What a process that had to be ended printed of its goroutines, cut down to what the user wrote and waits for.
//!
//! Pure. The form is that of the Go runtime's SIGQUIT. Source: runtime/traceback.go and runtime/signal_unix.go of the Go tree.

/// Where such a print begins.
const BEGINS: &str = "SIGQUIT: quit\n";

/// The text with the runtime's and fire's own goroutines and frames, arguments and registers left out of it.
pub fn readable(text: &str) -> String {
    let Some((before, dump)) = text.split_once(BEGINS) else {
        return text.to_owned();
    };
    let told: Vec<String> = dump.split("\n\n").filter_map(goroutine).collect();
    format!("{before}{}", told.join("\n"))
}

/// One goroutine, if there is a frame in it to tell of.
fn goroutine(block: &str) -> Option<String> {
    let mut lines = block.trim_start().lines();
    let header = lines.next()?;
    let (number, _) = header.strip_prefix("goroutine ")?.split_once(' ')?;
    let (_, state) = header.split_once('[')?;
    let mut told = format!("goroutine {number} [{state}");
    let mut any = false;
    while let (Some(function), Some(place)) = (lines.next(), lines.next()) {
        let name = function.strip_prefix("created by ").unwrap_or(function);
        if ["runtime.", "fireagent/"]
            .iter()
            .any(|own| name.starts_with(own))
            || name.contains(".__fire_")
        {
            continue;
        }
        // `(0x1, …)` is what it was called with, ` +0x1d fp=…` where in the code.
        let called = function.ends_with(')').then(|| function.rsplit_once('('));
        let name = called.flatten().map_or(function, |(name, _)| name);
        let place = place.split(" +0x").next().unwrap_or(place);
        told.push_str(&format!("\n{name}\n{place}"));
        any = true;
    }
    any.then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "before\nSIGQUIT: quit\nPC=0x49aa61 m=0 sigcode=0\n\n\
        goroutine 0 gp=0xd0 m=0 mp=0xd0 [idle]:\nruntime.futex(0x90)\n\t/go/src/runtime/sys.s:569 +0x21 fp=0x7f sp=0x7f pc=0x49\n\n\
        goroutine 44 gp=0x3a m=nil [select, 2 minutes]:\nruntime.gopark(0x1)\n\t/go/src/runtime/proc.go:462 +0xce fp=0x1 sp=0x1 pc=0x4\n\
        fireagent/home.Call(...)\n\t/go/src/fireagent/home/slot.go:129\n\
        example.com/p.__fire_4(0x3a)\n\t/p/zz_fire_register.go:655 +0x1 fp=0x1 sp=0x1 pc=0x4\n\
        example.com/p.(*T).Stop(0x93f8c0?)\n\t/p/t.go:190 +0x25 fp=0x1 sp=0x1 pc=0x4\n\
        created by testing.(*T).Run in goroutine 1\n\t/go/src/testing/testing.go:2101 +0x4cf\n\n\
        rax    0xca\nrbx    0x0\n";

    #[test]
    fn what_the_user_wrote_is_left() {
        assert_eq!(
            readable(DUMP),
            "before\ngoroutine 44 [select, 2 minutes]:\nexample.com/p.(*T).Stop\n\t/p/t.go:190\n\
             created by testing.(*T).Run in goroutine 1\n\t/go/src/testing/testing.go:2101"
        );
        assert_eq!(readable("no dump\n"), "no dump\n");
    }
}
