//! The subcommand beside options of all sorts.

use super::super::{Asked, asked, command};
use super::*;

#[derive(Args, Debug)]
struct Demanding {
    #[arg(long)]
    input: String,
    #[arg(required = true)]
    files: Vec<String>,
}

#[derive(Args, Debug)]
struct WithCommands {
    #[command(subcommand)]
    command: Own,
}

#[derive(Subcommand, Debug, PartialEq)]
enum Own {
    Import { file: String },
}

#[derive(Args, Debug)]
struct WithCheckpoint {
    #[command(subcommand)]
    command: OwnCheckpoint,
}

#[derive(Subcommand, Debug)]
enum OwnCheckpoint {
    Checkpoint { own: String },
}

/// The program's own options, or what is asked of the checkpoints, or the message.
fn parse<O: Args>(line: &str) -> Result<Result<O, Question>, String> {
    let words = std::iter::once("program").chain(line.split_whitespace());
    let matches = command::<O>().try_get_matches_from(words).map_err(|error| error.to_string())?;
    match asked::<O>(matches).map_err(|error| error.to_string())? {
        Asked::Run(line) => Ok(Ok(line.user)),
        Asked::Checkpoint(command) => Ok(Err(command.question)),
    }
}

#[test]
fn it_needs_none_of_the_programs_options() {
    let asked = parse::<Demanding>("checkpoint list --checkpoint-dir place").expect("it is asked").expect_err("of it");
    assert!(matches!(asked, Question::List { store } if store.checkpoint_dir == "place"));
    let asked =
        parse::<Demanding>("checkpoint show 7 --state total --limit 3 --checkpoint-dir place --job-name totals");
    let asked = asked.expect("it is asked").expect_err("of it");
    assert!(matches!(asked, Question::Show { checkpoint: Some(7), state: Some(_), limit: 3, .. }), "{asked:?}");
    assert!(parse::<Demanding>("checkpoint list").expect_err("no place").contains("--checkpoint-dir"));
    assert!(parse::<Demanding>("checkpoint lost").expect_err("no such question").contains("list"));
    assert!(parse::<Demanding>("checkpoint").expect_err("no question").contains("verify"));
}

#[test]
fn the_programs_options_stay_what_they_are() {
    let user = parse::<Demanding>("--input in a checkpoint b").expect("it runs").expect("its options");
    assert_eq!((user.input.as_str(), user.files), ("in", vec!["a".to_string(), "checkpoint".into(), "b".into()]));
    let user = parse::<Demanding>("a checkpoint --input in").expect("it runs").expect("its options");
    assert_eq!(user.files, ["a", "checkpoint"]);
    let user = parse::<Demanding>("--input in -- checkpoint").expect("it runs").expect("its options");
    assert_eq!(user.files, ["checkpoint"]);
    assert!(parse::<Demanding>("a").expect_err("no input").contains("--input"));
    assert!(parse::<Demanding>("--help").expect_err("help").contains("Look at the checkpoints of a job"));
}

#[test]
fn the_programs_own_subcommands_stay_what_they_are() {
    let user = parse::<WithCommands>("import a").expect("it runs").expect("its options");
    assert_eq!(user.command, Own::Import { file: "a".into() });
    assert!(parse::<WithCommands>("checkpoint verify --checkpoint-dir place").expect("it is asked").is_err());
    let user = parse::<WithCheckpoint>("checkpoint mine").expect("it runs").expect("its options");
    let OwnCheckpoint::Checkpoint { own } = user.command;
    assert_eq!(own, "mine");
}
