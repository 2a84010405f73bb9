//! From librdkafka's errors to what has to be done about them.

use purlin_model::transaction::{LogError, LogErrorKind};
use rdkafka::error::{KafkaError as Native, RDKafkaErrorCode as Code};

use super::super::KafkaError;
use super::super::health::Health;

/// An error of `what`, in words without secrets.
pub(super) fn failure(what: &str, error: &Native, health: &Health) -> LogError {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    let (kind, reason) = match error {
        Native::Transaction(error) if certain(code).is_none() && error.is_retriable() => {
            (LogErrorKind::Retriable, error.string())
        }
        Native::Transaction(error) => (kind(code), error.string()),
        Native::Flush(Code::OperationTimedOut) => (LogErrorKind::Retriable, "records are still on their way".into()),
        other => (kind(code), other.to_string()),
    };
    let trouble = health.last().filter(|last| health.is_down() && !reason.contains(last.as_str()));
    let trouble = trouble.map(|last| format!("; last trouble: {last}")).unwrap_or_default();
    let hint = hint(code).map(|hint| format!(": {hint}")).unwrap_or_default();
    LogError::new(kind, format!("{what} failed: {}{trouble}{hint}", health.clean(&reason)))
}

/// What has to be done about an error of this code that is not said to be retriable.
///
/// librdkafka's own sorting, fatal or abortable, speaks of one client. Here a failed client is replaced anyway, so what is left to tell is
/// whether a new one can do better. Whatever is not known to be hopeless may be tried; the runner tries a bounded number of times.
pub(super) fn kind(code: Code) -> LogErrorKind {
    certain(code).unwrap_or(LogErrorKind::Abortable)
}

fn certain(code: Code) -> Option<LogErrorKind> {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Some(LogErrorKind::Fenced),
        Code::TransactionalIdAuthorizationFailed
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SecurityDisabled
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::NotConfigured
        | Code::NotImplemented
        | Code::InvalidArgument
        | Code::InvalidTransactionTimeout
        | Code::InvalidRequiredAcks
        | Code::InvalidTopic
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidTimestamp
        | Code::InvalidRecord
        | Code::PolicyViolation
        | Code::UnsupportedCompressionType => Some(LogErrorKind::Fatal),
        _ => None,
    }
}

fn hint(code: Code) -> Option<&'static str> {
    match code {
        Code::InvalidTransactionTimeout => Some(
            "the brokers' `transaction.max.timeout.ms` is below the time-out that the interval of checkpoints asks for; raise the one \
             or shorten the other",
        ),
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => Some(
            "another process writes under the same transactional id, or the cluster aborted a transaction that was open for too long",
        ),
        Code::UnknownMemberId | Code::IllegalGeneration => {
            Some("the group has consumers of its own; give the job a group that nobody else uses")
        }
        _ => None,
    }
}

impl From<KafkaError> for LogError {
    fn from(error: KafkaError) -> Self {
        let kind = match error {
            KafkaError::Unreachable { .. } => LogErrorKind::Retriable,
            _ => LogErrorKind::Fatal,
        };
        LogError::new(kind, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::settings::Settings;
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_helps() {
        let check = |code, expected| assert_eq!(kind(code), expected, "{code:?}");
        check(Code::Fenced, LogErrorKind::Fenced);
        check(Code::ProducerFenced, LogErrorKind::Fenced);
        check(Code::InvalidProducerEpoch, LogErrorKind::Fenced);
        check(Code::TransactionalIdAuthorizationFailed, LogErrorKind::Fatal);
        check(Code::MessageSizeTooLarge, LogErrorKind::Fatal);
        check(Code::MessageTimedOut, LogErrorKind::Abortable);
        check(Code::OutOfOrderSequenceNumber, LogErrorKind::Abortable);
        check(Code::InvalidTransactionalState, LogErrorKind::Abortable);
    }

    #[test]
    fn messages_say_what_failed_and_hold_no_secret() {
        let mut settings = Settings::new("localhost:1".into());
        settings.set("sasl.password".into(), "hunter2".into());
        let health = Health::new(&settings);
        health.transient("login with hunter2 refused");
        let error = failure("committing", &Native::MessageProduction(Code::InvalidTransactionTimeout), &health);
        assert_eq!(error.kind, LogErrorKind::Fatal);
        assert!(error.message.starts_with("committing failed"), "{error}");
        assert!(error.message.contains("transaction.max.timeout.ms"), "{error}");
        assert!(error.message.contains("[redacted]") && !error.message.contains("hunter2"), "{error}");
    }
}
