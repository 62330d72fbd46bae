//! A few public modules pass their own tests with their functions moved. All of the list: the example `modules`.

use fire_tests::modules::{list, verify};

#[test]
fn small_public_modules_pass_their_tests_moved() {
    for module in list().into_iter().filter(|one| one.quick) {
        let row = verify(&module).unwrap();
        assert!(row.equal, "{}\n{}", row.module, row.told);
        assert!(row.tests > 0 && row.calls > 0, "{row:?}");
        assert!(row.moved * 100 >= row.total * 90, "{row:?}");
    }
}
