//! The command line, as the settings make it.

use clap::{Arg, ArgAction, Command};

use super::settings::{SETTINGS, Setting, Shape, Standard};

const EXAMPLES: &str = "\
Examples:
  perfwatch-server
          watch this host, on http://127.0.0.1:8000
  perfwatch-server --interval 1s --listen 127.0.0.1:9000 --auth.trusted-proxies 127.0.0.1
          every second, on another port, for a proxy on this host that speaks TLS to the network
  perfwatch-server --path.procfs /host/proc --path.sysfs /host/sys --path.rootfs /host
          from inside a container
  PERFWATCH_ADMIN_PASSWORD=... perfwatch-server
          with a first password of your own";

/// The command line, made from the settings.
pub(super) fn command() -> Command {
    Command::new("perfwatch-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Watches this host, keeps what it saw, and shows it in the browser")
        .after_help(EXAMPLES)
        .args_override_self(true)
        .args(SETTINGS.iter().filter_map(argument))
}

fn argument(setting: &'static Setting) -> Option<Arg> {
    // A terminal shows no Markdown.
    let default = match setting.default {
        Standard::Value("") => String::new(),
        Standard::Value(text) | Standard::Words(text) => {
            format!(" [default: {}]", text.replace('`', ""))
        }
    };
    let help = format!("{}{default} [{}]", setting.help, setting.variable());
    let arg = Arg::new(setting.key).long(setting.flag()?).help(help);
    Some(match setting.shape {
        Shape::One(name) => arg.value_name(name).allow_hyphen_values(true),
        Shape::Many(name) => arg.value_name(name).action(ArgAction::Append),
        Shape::Switch => arg
            .value_name("true|false")
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
    })
}
