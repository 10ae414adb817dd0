//! Builds the dashboard with npm and leaves it in `OUT_DIR/dashboard`, where it is embedded from.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "dashboard")]
    if let Err(error) = dashboard::build() {
        println!("cargo::error={error}");
    }
}

#[cfg(feature = "dashboard")]
mod dashboard {
    use std::{
        env, fs,
        io::ErrorKind,
        path::{Path, PathBuf},
        process::Command,
        time::SystemTime,
    };

    const SOURCES: [&str; 7] = [
        "generated",
        "index.html",
        "package-lock.json",
        "package.json",
        "public",
        "src",
        "vite.config.ts",
    ];

    pub(crate) fn build() -> Result<(), String> {
        let source = directory("CARGO_MANIFEST_DIR")?.join("dashboard");
        let target = directory("OUT_DIR")?.join("dashboard");
        for name in SOURCES {
            println!("cargo::rerun-if-changed={}", source.join(name).display());
        }
        if install_is_due(&source) {
            npm(&source, &["ci", "--no-audit", "--no-fund"])?;
        }
        let target = target.to_str().ok_or("the build directory's path is not UTF-8")?;
        npm(&source, &["exec", "--", "vite", "build", "--outDir", target, "--emptyOutDir"])
    }

    fn directory(variable: &str) -> Result<PathBuf, String> {
        env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("{variable} is not set"))
    }

    /// npm writes this file when it is done, so it is as old as the installation.
    fn install_is_due(source: &Path) -> bool {
        let installed = modified(&source.join("node_modules/.package-lock.json"));
        installed.is_none() || installed < modified(&source.join("package-lock.json"))
    }

    fn modified(path: &Path) -> Option<SystemTime> {
        fs::metadata(path).ok()?.modified().ok()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the build, not the daemon")]
    fn npm(directory: &Path, arguments: &[&str]) -> Result<(), String> {
        let command = format!("npm {}", arguments.join(" "));
        let output = Command::new("npm").args(arguments).current_dir(directory).output();
        let output = output.map_err(|error| match error.kind() {
            ErrorKind::NotFound => "the dashboard is built with npm, which is not installed: \
                install Node.js 20.19 or newer with npm (nodejs.org), or build without the \
                dashboard: cargo build -p perfwatch-server --no-default-features"
                .to_owned(),
            _ => format!("cannot run {command}: {error}"),
        })?;
        if output.status.success() {
            return Ok(());
        }
        // Cargo shows one line per message, so each line is one.
        let said = [output.stdout, output.stderr].concat();
        for line in String::from_utf8_lossy(&said).lines() {
            println!("cargo::warning={line}");
        }
        Err(format!("`{command}` failed in {}", directory.display()))
    }
}
