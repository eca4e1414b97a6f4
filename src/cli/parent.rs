//! `--exit-with-parent`: an emulator that a test run started goes with it, also when nobody is left to stop it.

use std::io::{ErrorKind, Read};
use std::time::Duration;

/// How often is looked whether the parent is still there.
const LOOK: Duration = Duration::from_millis(200);

/// The process that started this one.
pub(super) struct Parent {
    #[cfg(unix)]
    id: u32,
}

impl Parent {
    /// Whoever it is now: taken first of all, as who adopts an orphan cannot be told from who started it.
    pub(super) fn now() -> Self {
        Parent {
            #[cfg(unix)]
            id: std::os::unix::process::parent_id(),
        }
    }

    /// Completes when it is gone: another one is the parent now, or the pipe that is stdin has ended. Between a test run
    /// and this process `npx` may stand, and stay when the run is gone: then it is the pipe that tells.
    pub(super) async fn gone(&self) {
        let piped = stdin_ends();
        let adopted = async {
            #[cfg(unix)]
            while std::os::unix::process::parent_id() == self.id {
                tokio::time::sleep(LOOK).await;
            }
            #[cfg(not(unix))]
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = piped => {}
            () = adopted => {}
        }
    }
}

/// Completes when stdin has ended, if it is something another process holds open.
async fn stdin_ends() {
    if !is_held() {
        return std::future::pending().await;
    }
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own: it waits in a read until the process ends.
    let reader = std::thread::Builder::new().name("llemulator-parent".into()).spawn(move || {
        let mut stdin = std::io::stdin().lock();
        let mut bytes = [0; 1024];
        loop {
            match stdin.read(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A pipe may be set not to block by whoever shares it.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK),
                Err(_) => break,
            }
        }
        drop(ended);
    });
    match reader {
        // Dropped = ended.
        Ok(_) => _ = end.await,
        Err(_) => std::future::pending().await,
    }
}

/// Whether stdin is a pipe or a socket. A file, `/dev/null` and a terminal say nothing about who is there.
#[cfg(unix)]
fn is_held() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::FileTypeExt;
    let kind = std::io::stdin().as_fd().try_clone_to_owned().and_then(|stdin| std::fs::File::from(stdin).metadata());
    kind.is_ok_and(|stdin| stdin.file_type().is_fifo() || stdin.file_type().is_socket())
}

#[cfg(not(unix))]
fn is_held() -> bool {
    use std::io::IsTerminal;
    !std::io::stdin().is_terminal()
}
