//! Measures what fire promises, beside what the machine itself can do, in the same run. What `fire bench` measures too
//! lives in `fire_host::bench`.
