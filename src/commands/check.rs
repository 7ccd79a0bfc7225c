//! `check`: names, hosts and problems of a secrets file, never a value.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use actors::folder::Folder;
use actors::settings::{SecretStoreSettings, SourceSettings};
use clap::Args;
use policy::name::Namespace;

use self::report::{About, Report};
use crate::secrets_file::{self, SecretsFileError};
use crate::settings::{self, FolderArgs, folder_path};
use crate::terminal::failure::Failure;

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    folder: FolderArgs,

    /// File to check [default: the sources of all namespaces, as the settings name them]
    #[arg(value_name = "FILE", conflicts_with = "namespace")]
    file: Option<PathBuf>,

    /// Check this namespace only
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Option<Namespace>,

    /// Print names, hosts and problems as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn main(arguments: &CheckArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::at(&folder_path(&arguments.folder)?);
    let mut settings = settings::secret_store(&folder)?;
    if let Some(file) = &arguments.file {
        settings.source = SourceSettings::Path(file.clone());
        settings.namespaces.clear();
        settings.namespaces_folder = PathBuf::new();
    }
    let reports = reports(arguments, &settings)?;
    if arguments.json {
        report::print_json(&reports);
    } else {
        reports.iter().for_each(Report::print);
    }
    Ok(if reports.iter().all(Report::is_well) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One for each namespace that is asked for.
fn reports(arguments: &CheckArgs, settings: &SecretStoreSettings) -> Result<Vec<Report>, Failure> {
    let (sources, refused) = actors::namespaces(settings);
    refused.iter().for_each(|why| err!("not a namespace: {why}"));
    let wanted = |namespace: &Namespace| arguments.namespace.as_ref().is_none_or(|wanted| wanted == namespace);
    let wanted: Vec<_> = sources.into_iter().filter(|(namespace, _)| wanted(namespace)).collect();
    if let (Some(missing), []) = (&arguments.namespace, wanted.as_slice()) {
        let failure = Failure::not_well(format!("there is no namespace {missing}"));
        let folder = settings.namespaces_folder.join(missing.as_str());
        return Err(failure.hint(format!("make {}, or name its source in --namespaces", folder.display())));
    }
    wanted.into_iter().map(|(namespace, source)| report(arguments, settings, namespace, &source)).collect()
}

fn report(
    arguments: &CheckArgs,
    settings: &SecretStoreSettings,
    namespace: Namespace,
    source: &SourceSettings,
) -> Result<Report, Failure> {
    let about = About { namespace, source: source.to_string(), kind: secrets_file::kind_of(source) };
    let read = secrets_file::read(source, &settings.one_password).map_err(|error| match &arguments.file {
        Some(file) if file.is_dir() => SecretsFileError { fix: "name a file in it".into(), ..error },
        _ => error,
    });
    match read {
        Ok(lint) => Ok(Report::of(about, &lint)),
        // The other namespaces are checked all the same.
        Err(error) if arguments.json || !about.namespace.is_default() => Ok(Report::unreadable(about, &error)),
        Err(SecretsFileError { problem, fix }) => {
            Err(Failure::not_well(format!("{}: {problem}", about.source)).hint(fix))
        }
    }
}

fn namespace(text: &str) -> Result<Namespace, String> {
    Namespace::parse(text.as_bytes()).ok_or_else(|| "write letters, digits and underscores".to_owned())
}
