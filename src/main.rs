//! The stand-alone binary; `npx llemulator` runs the same [`llemulator::cli`] through the addon.

fn main() {
    let arguments = std::env::args().skip(1).collect();
    std::process::exit(llemulator::cli::run(arguments));
}
