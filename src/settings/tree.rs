//! The settings of each owner, filled from the declared ones.

use actors::folder::Folder;
use actors::settings::{
    AuditRotation, AuditSettings, ListenerSettings, OnePasswordSettings, SecretStoreSettings, SessionSettings,
    Settings, UpstreamSettings,
};

use super::declared;
use super::setting::Values;
use crate::terminal::failure::Failure;

/// The settings of all owners.
pub(super) fn all(folder: Folder, values: &impl Values) -> Result<Settings, Failure> {
    Ok(Settings {
        listener: listener(values)?,
        secret_store: secret_store(&folder, values)?,
        upstream: upstream(values)?,
        session: session(values)?,
        audit: audit(values)?,
        folder,
    })
}

fn listener(values: &impl Values) -> Result<ListenerSettings, Failure> {
    Ok(ListenerSettings { listen: values.get(&declared::LISTEN)?, sessions_max: values.get(&declared::MAX_SESSIONS)? })
}

pub(super) fn secret_store(folder: &Folder, values: &impl Values) -> Result<SecretStoreSettings, Failure> {
    Ok(SecretStoreSettings {
        source: values.get(&declared::SECRETS)?,
        namespaces: values.get(&declared::NAMESPACES)?,
        namespaces_folder: folder.namespaces(),
        one_password: OnePasswordSettings {
            program: values.get(&declared::OP)?,
            token_file: values.get(&declared::OP_TOKEN_FILE)?,
        },
        ttl: values.get(&declared::SECRETS_TTL)?,
        approval_wait: values.get(&declared::APPROVAL_WAIT)?,
        notify: values.get(&declared::NOTIFY)?,
    })
}

fn upstream(values: &impl Values) -> Result<UpstreamSettings, Failure> {
    Ok(UpstreamSettings {
        ca: values.get(&declared::UPSTREAM_CA)?,
        allow_net: values.get(&declared::ALLOW_NET)?,
        deny_private: values.get(&declared::DENY_PRIVATE)?,
        resolve: values.get(&declared::RESOLVE)?,
        proxy: values.get(&declared::UPSTREAM_PROXY)?,
        proxy_except: values.get(&declared::UPSTREAM_PROXY_EXCEPT)?,
    })
}

fn session(values: &impl Values) -> Result<SessionSettings, Failure> {
    Ok(SessionSettings {
        passthrough: values.get(&declared::PASSTHROUGH)?,
        intercept: values.get(&declared::INTERCEPT)?,
    })
}

fn audit(values: &impl Values) -> Result<AuditSettings, Failure> {
    Ok(AuditSettings {
        sync: values.get(&declared::AUDIT_SYNC)?,
        rotation: AuditRotation {
            bytes_max: values.get(&declared::AUDIT_BYTES)?,
            keep: values.get(&declared::AUDIT_KEEP)?,
        },
    })
}
