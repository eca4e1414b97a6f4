#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| llemulator::fuzz::requests(bytes));
libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, most: usize, seed: u32| {
    llemulator_fuzz::mutate(bytes, size, most, seed)
});
