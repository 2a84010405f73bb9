//! One attempt to run a pipeline with checkpoints: from the last commit until it ends or something fails.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{Either, select};
use purlin_model::Failure;
use purlin_model::sink::{Publishing, SinkRun};
use tokio::sync::{mpsc, watch};

use super::StreamRunner;
use super::checkpoint::{CheckpointSettings, Coordinator, Interruption, Recovered, recover};
use super::env::Env;
use super::running::RunningTasks;
use super::sinks::Sinks;
use super::stop::StopMode;
use super::topology::Topology;
use crate::checkpoint::{Checkpoints, Manifest};
use crate::plan::Plan;

/// What an attempt is made of.
pub(super) struct Attempt<'a> {
    runner: &'a StreamRunner,
    env: Arc<dyn Env>,
    plan: &'a Plan,
    settings: &'a CheckpointSettings,
    has_committed: AtomicBool,
    has_started: AtomicBool,
    /// The number under which this instance of the job has registered last; 0 before it has.
    incarnation: &'a AtomicU64,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        runner: &'a StreamRunner,
        env: Arc<dyn Env>,
        plan: &'a Plan,
        settings: &'a CheckpointSettings,
        incarnation: &'a AtomicU64,
    ) -> Self {
        Attempt {
            runner,
            env,
            plan,
            settings,
            has_committed: AtomicBool::new(false),
            has_started: AtomicBool::new(false),
            incarnation,
        }
    }

    /// Runs, and says whether a checkpoint was committed on the way.
    pub(super) async fn run(&self) -> (Result<(), Interruption>, bool) {
        let result = self.recover_and_run().await;
        (result, self.has_committed.load(Ordering::Relaxed))
    }

    /// Whether its tasks were at work.
    pub(super) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Relaxed)
    }

    /// A newer incarnation of the job than this instance's, if one is registered.
    pub(super) async fn superseded_by(&self) -> Option<u64> {
        let own = Some(self.incarnation.load(Ordering::Relaxed)).filter(|own| *own > 0)?;
        let checkpoints = Checkpoints::new(self.settings.storage.clone(), &self.settings.job);
        let newest = checkpoints.newest_incarnation().await.ok()??;
        (newest > own).then_some(newest)
    }

    async fn recover_and_run(&self) -> Result<(), Interruption> {
        let recovered = match recover(self.settings, self.plan, self.runner.parallelism, self.incarnation).await {
            Ok(recovered) => recovered,
            // Whoever was held up in the middle of this may find nothing any more of what it was about to read.
            Err(interruption) => match self.superseded_by().await {
                Some(by) => return Err(Interruption::superseded(&self.settings.job, by)),
                None => return Err(interruption),
            },
        };
        if let Some(manifest) = recovered.manifest.as_ref().filter(|manifest| manifest.finished) {
            tracing::warn!(
                "job `{}` has finished with checkpoint {}, and there is nothing left to do; to run it again, choose another --checkpoint-dir and --job-name",
                self.settings.job,
                manifest.checkpoint
            );
        }
        if recovered.manifest.as_ref().is_some_and(Manifest::is_drained_in_part) {
            tracing::warn!(
                "job `{}` was being drained and had not come to its end: it goes on to it",
                self.settings.job
            );
            self.runner.stop.stop(StopMode::Drain);
        }
        let run = SinkRun {
            job: self.settings.job.clone(),
            publishing: Publishing::PerCheckpoint {
                incarnation: recovered.incarnation,
                resumes: recovered.manifest.is_some(),
            },
        };
        let mut sinks = Sinks::begin(self.plan, &run).await?;
        if let Some(manifest) = &recovered.manifest {
            sinks.publish_checkpoint(&manifest.sinks).await?;
            if manifest.finished {
                sinks.discard().await;
                return Ok(());
            }
        }
        if let Some(transactions) = &recovered.transactions {
            // Whoever was there before is fenced: what it has staged and not committed, nobody commits any more.
            sinks.discard().await;
            transactions.open(recovered.last + 1).await?;
            sinks = sinks.with_transactions(transactions.clone(), recovered.last + 1);
        }
        let result = self.run_from(&recovered, &sinks).await;
        if result.is_err()
            && let Some(transactions) = &recovered.transactions
        {
            transactions.abort().await;
        }
        result
    }

    async fn run_from(&self, recovered: &Recovered, sinks: &Sinks) -> Result<(), Interruption> {
        let (env, runner) = (&self.env, self.runner);
        let requests = watch::Sender::new(recovered.last);
        let (give_part, parts) = mpsc::unbounded_channel();
        let names = Mutex::default();
        let topology = Topology {
            env: &**env,
            plan: self.plan,
            parallelism: runner.parallelism,
            sinks,
            restored: recovered.manifest.is_some().then_some(&recovered.state),
            checkpoints: Some((&requests, &give_part, &names)),
        };
        let tasks = topology.build(env.clone(), runner.observer.clone(), runner.stop.clone()).await?;
        drop(give_part);
        let coordinator = Coordinator {
            env: env.clone(),
            observer: runner.observer.clone(),
            settings: self.settings,
            plan: self.plan,
            sinks,
            checkpoints: &recovered.checkpoints,
            transactions: recovered.transactions.clone(),
            incarnation: recovered.incarnation,
            parallelism: runner.parallelism,
            requests,
            parts,
            tasks: names.into_inner().unwrap_or_else(PoisonError::into_inner),
            last: recovered.last,
            manifest: recovered.manifest.clone(),
            stop: runner.stop.clone(),
            has_committed: &self.has_committed,
            has_discarded: false,
        };
        self.has_started.store(true, Ordering::Relaxed);
        let mut running = RunningTasks::start(&**env, tasks);
        let coordinating = Box::pin(coordinator.run());
        let interrupted = match select(Box::pin(running.outcome()), coordinating).await {
            // The last checkpoint is still to be made.
            Either::Left((Ok(_), coordinating)) => {
                return coordinating.await.map_err(|reason| reason.unwrap_or_else(without_a_word));
            }
            Either::Left((Err(failure), _)) => return Err(failure.into()),
            Either::Right((Ok(()), running)) => return Ok(running.await.map(drop)?),
            Either::Right((Err(Some(interruption)), _)) => interruption,
            Either::Right((Err(None), running)) => {
                return Err(running.await.map_or_else(Into::into, |_| without_a_word()));
            }
        };
        // Nothing of this attempt may be left when the next begins.
        running.end().await;
        Err(interrupted)
    }
}

fn without_a_word() -> Interruption {
    Failure::other("the tasks of the streaming engine ended without a word").into()
}
