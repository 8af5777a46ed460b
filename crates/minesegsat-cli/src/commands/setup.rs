//! `minesegsat doctor`, `completions` and `man`: what an installation needs.

use std::ffi::OsStr;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::CommandFactory as _;
use minesegsat::catalog::{Catalog, Endpoint};
use serde::Serialize;
use sysinfo::{Disks, System};

use crate::args::{Cli, CompletionsArgs, DoctorArgs, ManArgs};
use minesegsat::ModelFolder;

/// Memory that a whole scene takes with the model in the program, with room for the system.
const MIN_MEMORY_GB: f64 = 2.0;
/// A whole scene of twelve bands and its map.
const MIN_DISK_GB: f64 = 3.0;
/// A server that does not take a connection in this time is not reachable.
const CONNECT: Duration = Duration::from_secs(5);

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    /// Whether the program works as it is.
    good: bool,
    found: String,
    /// What to do.
    advice: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, good: true, found: found.into(), advice: None }
    }

    fn bad(what: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what, good: false, found: found.into(), advice: Some(advice.into()) }
    }

    fn advised(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}

/// Exit code 1 if something does not work.
pub(crate) fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut findings = vec![
        Finding::good("program", format!("minesegsat {}", env!("CARGO_PKG_VERSION"))),
        processor(),
        memory(),
        disk("disk", &std::env::current_dir()?),
        disk("temporary", &std::env::temp_dir()),
        model(),
        page(),
        gpu(),
        proxy(),
    ];
    if !args.offline {
        findings.push(catalogue(&args.api));
    }
    let is_good = findings.iter().all(|finding| finding.good);
    let mut stdout = crate::terminal::stdout();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string_pretty(&findings)?)?;
    } else {
        for finding in &findings {
            let mark = if finding.good { "" } else { "PROBLEM: " };
            writeln!(stdout, "{:<10} {mark}{}", finding.what, finding.found)?;
            if let Some(advice) = &finding.advice {
                writeln!(stdout, "{:<10} {advice}", "")?;
            }
        }
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut system = System::new();
    system.refresh_cpu_all();
    let brand = system.cpus().first().map_or("unknown", |cpu| cpu.brand()).trim().to_owned();
    let instructions = instructions();
    let found = format!("{cores} cores, {brand}, {instructions}");
    if cfg!(target_arch = "x86_64") && instructions == "no AVX2" {
        return Finding::good("processor", found)
            .advised("maps take several times as long as on a processor with AVX2");
    }
    Finding::good("processor", found)
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> &'static str {
    match (std::is_x86_feature_detected!("avx512f"), std::is_x86_feature_detected!("avx2")) {
        (true, _) => "AVX-512",
        (false, true) => "AVX2",
        (false, false) => "no AVX2",
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn instructions() -> &'static str {
    std::env::consts::ARCH
}

fn memory() -> Finding {
    let mut system = System::new();
    system.refresh_memory();
    // A container may have less than its machine.
    let free = system.cgroup_limits().map_or(system.available_memory(), |limits| limits.free_memory);
    let (all, free) = (system.total_memory() as f64 / 1e9, free as f64 / 1e9);
    let found = format!("{free:.1} of {all:.1} GB free");
    if free < MIN_MEMORY_GB {
        return Finding::bad(
            "memory",
            found,
            format!("a whole scene needs about {MIN_MEMORY_GB} GB; map a part with `--bbox`"),
        );
    }
    Finding::good("memory", found)
}

fn disk(what: &'static str, folder: &Path) -> Finding {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let disks = Disks::new_with_refreshed_list();
    let disk = disks
        .iter()
        .filter(|disk| folder.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    let Some(disk) = disk else { return Finding::good(what, format!("{}: free space unknown", folder.display())) };
    let free = disk.available_space() as f64 / 1e9;
    let found = format!("{free:.1} GB free in {}", folder.display());
    if free < MIN_DISK_GB {
        let advice =
            if what == "temporary" { "name another folder in the variable TMPDIR" } else { "work in another folder" };
        return Finding::bad(what, found, format!("a whole scene and its map take about {MIN_DISK_GB} GB; {advice}"));
    }
    Finding::good(what, found)
}

fn model() -> Finding {
    let opened = ModelFolder::new(None)
        .map_err(anyhow::Error::from)
        .and_then(|folder| Ok(minesegsat::ModelCard::read(folder.path())?));
    match opened {
        Ok(card) => Finding::good("model", format!("{}, in the program", card.title)),
        Err(error) => Finding::bad("model", format!("{error:#}"), "install the program again; its file is damaged"),
    }
}

fn page() -> Finding {
    if minesegsat_server::has_page() {
        return Finding::good("map page", "in the program");
    }
    Finding::good("map page", "not in the program: `serve` has the interfaces only")
        .advised("build it with `(cd web && npm ci && npm run build)`, then build the program again")
}

fn gpu() -> Finding {
    let driver = std::fs::read_to_string("/proc/driver/nvidia/version").ok();
    let driver = driver.and_then(|text| text.lines().next().map(|line| line.trim().to_owned()));
    let vulkan = ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect::<Vec<_>>();
    let built: Vec<&str> =
        [("cuda", cfg!(feature = "cuda")), ("vulkan", cfg!(feature = "vulkan")), ("wgpu", cfg!(feature = "wgpu"))]
            .into_iter()
            .filter_map(|(name, built)| built.then_some(name))
            .collect();
    let has_driver = driver.is_some() || !vulkan.is_empty();
    let mut parts: Vec<String> = driver.into_iter().collect();
    if !vulkan.is_empty() {
        parts.push(format!("Vulkan drivers {}", vulkan.join(", ")));
    }
    if parts.is_empty() {
        parts.push("no driver found; maps and trainings use the processor".to_owned());
    }
    let finding = Finding::good("GPU", parts.join("; "));
    match (has_driver, built.is_empty()) {
        (true, true) => {
            finding.advised("this program was built without GPUs; `cargo build --release --features vulkan` has them")
        }
        (true, false) => finding.advised(format!("`--device` takes {}", built.join(", "))),
        (false, _) => finding,
    }
}

fn proxy_variables() -> Vec<String> {
    let names =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
    names
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .map(str::to_owned)
        .collect()
}

fn proxy() -> Finding {
    let set = proxy_variables();
    Finding::good("proxy", if set.is_empty() { "none".to_owned() } else { format!("set by {}", set.join(", ")) })
}

fn catalogue(api: &OsStr) -> Finding {
    let name = api.to_string_lossy().into_owned();
    let short = Endpoint::SHORT_NAMES.iter().find(|(short, _)| *short == name);
    let address = short.map_or(name.as_str(), |(_, url)| url);
    let advice = "check the network, or a proxy (HTTPS_PROXY); `--offline` skips this check";
    // The program's own requests try for minutes. This tells at once whether there is a way.
    if proxy_variables().is_empty()
        && let Some(host) = host_of(address)
    {
        let addresses: Vec<_> = match host.to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Finding::bad("catalogue", format!("{name}: no address of {host}: {error}"), advice),
        };
        let is_open = addresses.iter().any(|address| TcpStream::connect_timeout(address, CONNECT).is_ok());
        if !is_open {
            return Finding::bad("catalogue", format!("{name}: {host} takes no connection"), advice);
        }
    }
    let opened = Endpoint::from_env(api).and_then(|endpoint| Catalog::open(&endpoint));
    match opened {
        Ok(_) => Finding::good("catalogue", format!("{name} answers")),
        Err(error) => Finding::bad("catalogue", format!("{name}: {error}"), advice),
    }
}

/// Host and port of a URL. `None` for files.
fn host_of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?']).next()?.rsplit('@').next()?;
    let port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    Some(if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    })
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "minesegsat", &mut text);
    crate::terminal::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn man(args: &ManArgs, quiet: bool) -> anyhow::Result<ExitCode> {
    let write = || format!("cannot write manual pages to {}", args.output.display());
    std::fs::create_dir_all(&args.output).with_context(write)?;
    let mut command = Cli::command();
    command.build();
    let mut count = 0;
    let mut waiting = vec![(command, "minesegsat".to_owned())];
    while let Some((command, name)) = waiting.pop() {
        let children = command.get_subcommands().filter(|child| child.get_name() != "help");
        waiting.extend(children.map(|child| (child.clone(), format!("{name}-{}", child.get_name()))));
        let mut text = Vec::new();
        clap_mangen::Man::new(command.display_name(&name))
            .title(name.to_uppercase())
            .source(concat!("minesegsat ", env!("CARGO_PKG_VERSION")))
            .render(&mut text)?;
        minesegsat::output::atomic_write(&args.output.join(format!("{name}.1")), &text)?;
        count += 1;
    }
    if !quiet {
        writeln!(crate::terminal::stdout(), "{count} pages in {}", args.output.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_the_port_of_their_scheme() {
        for (address, expected) in [
            ("https://earth-search.aws.element84.com/v1", Some("earth-search.aws.element84.com:443")),
            ("http://127.0.0.1:8080/stac?x=1", Some("127.0.0.1:8080")),
            ("http://user:secret@example.org/", Some("example.org:80")),
            ("items.json", None),
            ("s3://bucket/key", None),
        ] {
            assert_eq!(host_of(address).as_deref(), expected, "{address}");
        }
    }
}
