//! A password from where others can't see it: a file, the environment, or a terminal without echo. Never an argument, which
//! every user of the machine could read.

use std::{
    env,
    fmt::Display,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use anyhow::Result;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::exit::usage;

/// Holds a password for commands that nobody watches.
const VARIABLE: &str = "ASTERISM_XAPI_PASSWORD";

/// From the file if there is one, else from the environment, else from whoever sits at the terminal.
///
/// # Errors
/// There is none to be had.
pub fn get(file: Option<&Path>, user: &str, place: &dyn Display) -> Result<String> {
    if let Some(file) = file {
        return from_file(file);
    }
    if let Some(password) = env::var_os(VARIABLE) {
        return password.into_string().map_err(|_| usage(format!("{VARIABLE} is not in UTF-8")));
    }
    let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
        return Err(usage(format!(
            "no password: give --password-file FILE, set {VARIABLE}, or run this on a terminal"
        )));
    };
    let prompt = format!("password of {user} at {place}: ");
    ask(terminal, &prompt).map_err(|error| usage(format!("no password: {error}")))
}

/// The file's first line.
///
/// # Errors
/// It can't be read, or is empty.
pub fn from_file(file: &Path) -> Result<String> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| usage(format!("--password-file: {shown} can't be read: {error}")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        Some(_) | None => Err(usage(format!("--password-file: {shown} has no password in its first line"))),
    }
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Blind {
    terminal: File,
    before: Termios,
}

impl Blind {
    /// Signals are typed too: one that ended us here would leave the terminal blind.
    fn new(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut blind = before.clone();
        blind.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &blind)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Blind {
    fn drop(&mut self) {
        // What could be done about a terminal that is gone?
        let _ = tcsetattr(&self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

fn ask(terminal: File, prompt: &str) -> io::Result<String> {
    let mut blind = Blind::new(terminal)?;
    blind.terminal.write_all(prompt.as_bytes())?;
    let typed = read_line(&mut blind.terminal);
    blind.terminal.write_all(b"\n")?;
    typed
}

/// A line as a terminal would edit it.
fn read_line(keys: &mut impl Read) -> io::Result<String> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const BACKSPACE: u8 = 8;
    const CLEAR: u8 = 21;
    const DELETE: u8 = 127;
    let mut line = Vec::new();
    let mut key = [0];
    loop {
        if keys.read(&mut key)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        match key[0] {
            b'\n' | b'\r' => break,
            INTERRUPT | END => return Err(io::Error::other("given up")),
            CLEAR => line.clear(),
            BACKSPACE | DELETE => {
                // A character of several bytes goes as a whole.
                while line.pop().is_some_and(|byte: u8| byte & 0xc0 == 0x80) {}
            }
            other => line.push(other),
        }
    }
    String::from_utf8(line).map_err(|_| io::Error::other("it is not in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_line_is_edited_as_on_a_terminal() {
        let typed = |keys: &[u8]| read_line(&mut &keys[..]).map_err(|error| error.to_string());
        assert_eq!(typed(b"hunter2\nrest").unwrap(), "hunter2");
        assert_eq!(typed(b"hunterr\x7f2\r").unwrap(), "hunter2");
        assert_eq!(typed("xé\x7f\n".as_bytes()).unwrap(), "x");
        assert_eq!(typed(b"wrong\x15right\n").unwrap(), "right");
        assert_eq!(typed(b"\x7f\n").unwrap(), "");
        assert_eq!(typed(b"hunter\x03").unwrap_err(), "given up");
        assert!(typed(b"hunter").is_err());
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        for (content, password) in [("hunter2\n", "hunter2"), ("hunter2", "hunter2"), (" a b \r\nx", " a b ")]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(from_file(&path).unwrap(), password);
        }
        fs::write(&path, "\nhunter2").unwrap();
        assert!(from_file(&path).unwrap_err().to_string().contains("first line"));
    }
}
