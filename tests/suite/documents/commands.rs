//! docs/commands.md: the help of every command, as the program prints it.

use std::fmt::Write;

use super::fresh_part;

#[test]
fn generated_commands_are_fresh() {
    let mut command = forewarn::cli::command();
    command.build();
    let mut out = String::new();
    let visible = command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    for command in visible {
        let name = command.get_name().to_owned();
        // Not what the environment of whoever generates it holds.
        let command = command.clone().mut_args(|argument| argument.hide_env_values(true));
        let help = command.term_width(120).render_long_help().to_string();
        let lines: Vec<_> = help.lines().map(str::trim_end).collect();
        let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    }
    fresh_part("docs/commands.md", &out);
}
