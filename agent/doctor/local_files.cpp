#include "agent/doctor/local_files.hpp"

#include "agent/enrolment/renewal.hpp"
#include "agent/store/offline/inspection.hpp"
#include "agent/store/sqlite/damaged_files.hpp"
#include "common/config/credential.hpp"
#include "common/config/file_rules.hpp"
#include "common/platform/disk_room.hpp"
#include "common/platform/private_files.hpp"
#include "common/time/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

namespace relay::doctor {
namespace {

constexpr std::uintmax_t mebibyte = 1024 * 1024;
constexpr std::uintmax_t least_free_bytes = 256 * mebibyte;
constexpr milliseconds longest_look{3'000}; // into the queue

bool is_there(const std::filesystem::path& file)
{
    std::error_code ec;
    return std::filesystem::exists(file, ec);
}

bool can_be_read(const std::filesystem::path& file)
{
    return std::ifstream(file, std::ios::binary).is_open();
}

void add(std::string& text, std::string_view sentence, std::string_view between)
{
    if (!sentence.empty())
        text.append(text.empty() ? "" : between).append(sentence);
}

// One file that a key names.
struct named_file {
    std::string_view key;
    const std::filesystem::path& file;
    bool secret = false;
    bool by_enrolment = false; // not there before it: the certificate's check tells
    std::string_view if_absent{};
};

// What is wrong with it and what to do about it; both empty where nothing is.
struct finding {
    std::string wrong, advice;
};

finding look_at(const named_file& f, const std::filesystem::path& data_dir)
{
    const auto name = fmt::format("{} ({})", f.file.string(), f.key);
    if (!is_there(f.file) && config::kept_by_service_manager(f.file))
        return {fmt::format("the systemd credential {} can be read only while the agent runs",
                            config::password_credential),
                "Start the agent, then run this check again: systemctl start workestra-relay. Where it runs, "
                "its unit lacks the line that secret set --systemd told, or was not restarted since: "
                "systemctl edit workestra-relay, systemctl restart workestra-relay."};
    if (!is_there(f.file))
        return f.by_enrolment ? finding{} : finding{name + " is not there", std::string(f.if_absent)};
    if (!can_be_read(f.file))
        return {name + " cannot be read by the user that runs this check",
                "Run the check as the agent's user or as root, such as: sudo workestra-relay doctor. Where "
                "that is the agent's user, give it the file with chown."};
    if (const auto bad = f.secret ? config::secret_file_mistake(f.file) : std::string(); !bad.empty())
        return {name + " " + bad,
                fmt::format("As the administrator of this machine run: chmod 0600 '{}'. Where others could "
                            "read it, take it for known to them: set another password, or enrol again.",
                            f.file.string())};
    if (platform::closed_to_owner_of(data_dir, f.file))
        return {
            fmt::format("{} cannot be read by the agent's user, whom {} belongs to: the file, or a folder "
                        "above it, is another's and closed to others",
                        name, data_dir.string()),
            fmt::format("As the administrator of this machine run: {0} --reference='{1}' '{2}' && chmod {3} "
                        "'{2}'. Out of a closed folder, such as /root, move it to /etc/workestra-relay.",
                        f.secret ? "chown" : "chgrp", data_dir.string(), f.file.string(),
                        f.secret ? "0600" : "0640")};
    return {};
}

} // namespace

check configuration(const std::filesystem::path& file, const config::mistakes& wrong)
{
    check c{"configuration", wrong.empty(), {}, {}};
    if (c.ok) {
        c.message = fmt::format("{} was read: no mistakes", file.string());
        return c;
    }
    for (const auto& mistake : wrong)
        add(c.message, config::format(mistake, file), "; ");
    const bool only_enrolment = std::ranges::all_of(
        wrong, [](const config::mistake& m) { return m.key == "cloud.url" && m.line == 0; });
    std::error_code ec;
    if (only_enrolment)
        c.advice = enroll_advice;
    else if (!std::filesystem::exists(file, ec) && !ec)
        c.advice =
            fmt::format("Write {}: begin with /usr/share/doc/workestra-relay/examples/agent.toml (man "
                        "workestra-relay.toml has all keys), then look with: workestra-relay config check",
                        file.string());
    else
        c.advice =
            fmt::format("Correct this in {}, then look with: workestra-relay config check", file.string());
    return c;
}

check file_permissions(const config::settings& s, const std::filesystem::path& config_file)
{
    const std::vector<named_file> files{
        {"the configuration", config_file},
        {"cloud.private_key_file", s.cloud.private_key_file, true, true},
        {"cloud.ca_file", s.cloud.ca_file, false, false,
         "Put there the CA that signed the cloud's certificate (enrolling tells it), or leave the key out "
         "for the system's trust store."},
        {"exchange.password_file", s.exchange.password_file, true, false,
         "Write the service account's password into it: workestra-relay secret set"},
        {"exchange.keytab_file", s.exchange.keytab_file, true, false,
         "Put the service account's keytab there (ktpass on a domain controller, or msktutil, makes one)."},
        {"exchange.ca_file", s.exchange.ca_file, false, false,
         "Put there, in PEM, the CA that signed Exchange's certificate (the team that runs the company's CA "
         "has it), or leave the key out for the system's trust store."}};
    check c{"file_permissions", true, {}, {}};
    std::string sound;
    for (const auto& f : files) {
        if (f.file.empty())
            continue;
        const auto found = look_at(f, s.agent.data_dir);
        add(c.message, found.wrong, "; ");
        if (c.advice.find(found.advice) == c.advice.npos)
            add(c.advice, found.advice, " ");
        if (found.wrong.empty() && f.secret && is_there(f.file))
            add(sound, f.file.string(), ", ");
    }
    c.ok = c.message.empty();
    if (c.ok)
        c.message = sound.empty() ? "no file with a secret is there yet"
                                  : fmt::format("{}: nobody but the owner may read or change it", sound);
    return c;
}

check data_folder(const std::filesystem::path& folder)
{
    check c{"data_folder", false, {}, {}};
    const auto owner = "the user that the agent runs as (workestra-relay)";
    if (!is_there(folder)) {
        c.message = fmt::format("{} (agent.data_dir) is not there", folder.string());
        c.advice = fmt::format("Enrolling makes it; or make it as the administrator of this machine, for {}.",
                               owner);
        return c;
    }
    if (const auto ec = platform::check_writable(folder); ec.failed()) {
        c.message =
            fmt::format("a file was to be made in {} and removed again: {}", folder.string(), ec.message());
        const auto room = platform::room_at(folder);
        if (room && !room->has_inodes)
            c.advice =
                "This file system has no inodes left: remove files there, of which there are too many.";
        else if (ec == boost::system::errc::no_space_on_device)
            c.advice = "Make room on this disk: the agent refuses new writes while it is full.";
        else if (ec == boost::system::errc::read_only_file_system)
            c.advice = "This file system is mounted read-only: have it mounted for writing, or look into the "
                       "kernel's "
                       "log for why it no longer is.";
        else
            c.advice = fmt::format("Check that agent.data_dir belongs to {} and that the disk is mounted "
                                   "for writing; run this check as that user or as root.",
                                   owner);
        return c;
    }
    if (const auto file = platform::file_closed_to_owner_of(folder); !file.empty()) {
        c.message = fmt::format("{} belongs to {}, and {}, whom {} belongs to, cannot open it", file.string(),
                                platform::owner_of(file), platform::owner_of(folder), folder.string());
        c.advice = fmt::format("Somebody ran the agent as {} once: chown {} {}", platform::owner_of(file),
                               platform::owner_of(folder), file.string());
        return c;
    }
    std::error_code ec;
    const auto space = std::filesystem::space(folder, ec);
    if (ec) {
        c.message = fmt::format("the free space of {} cannot be told: {}", folder.string(), ec.message());
        c.advice = "Look at the disk that agent.data_dir is on.";
        return c;
    }
    c.ok = space.available >= least_free_bytes;
    c.message =
        fmt::format("{} can be written and has {} MiB free", folder.string(), space.available / mebibyte);
    if (!c.ok)
        c.advice = fmt::format(
            "Make room on this disk: the agent wants {} MiB, and refuses new writes when it is full.",
            least_free_bytes / mebibyte);
    return c;
}

check queue_file(const std::filesystem::path& folder)
{
    check c{"queue_file", false, {}, {}};
    const auto seen = store::inspect_queue(folder, longest_look);
    const auto where = folder.string();
    if (seen.trouble == errc::store_newer) {
        c.message = fmt::format("the queue in {} was written by a newer version of the agent", where);
        c.advice = "Install that version again.";
    } else if (seen.trouble == errc::store_corrupt) {
        c.message = fmt::format("the queue in {} was read and is damaged: {}", where, seen.problem);
        c.advice = "Look at the disk. At its next start the agent sets the file aside (queue.db.damaged-…, "
                   "keep it) and begins a new queue; the cloud then sends again what was not answered.";
    } else if (seen.trouble.failed()) {
        c.message = fmt::format("the queue in {} cannot be read: {}{}{}", where, seen.trouble.message(),
                                seen.problem.empty() ? "" : ", ", seen.problem);
        c.advice =
            "Run this check as the agent's user or as root; where that does not help, look at the disk.";
    } else {
        c.ok = true;
        c.message =
            seen.there ? fmt::format("the queue in {} was read ({} KiB): no damage", where, seen.bytes / 1024)
                       : fmt::format("no queue in {} yet: the agent makes it at its first start", where);
        if (seen.set_aside > 0)
            c.advice = fmt::format(
                "{} damaged queue file(s) were set aside in {} (queue.db.damaged-…): look at the disk, and "
                "move them away once nobody needs them. With {} of them the agent does not start.",
                seen.set_aside, where, store::most_damaged_files);
    }
    return c;
}

bool not_enrolled(const tls::credential_files& files)
{
    return !is_there(files.certificate_file) && !is_there(files.private_key_file);
}

check certificate(const tls::credential_files& files, utc_time now)
{
    check c{"certificate", false, {}, {}};
    const auto file = files.certificate_file.string();
    constexpr std::string_view anew =
        "Restore the pair that enrolment wrote, or enrol again: workestra-relay enroll --force";
    if (not_enrolled(files)) {
        c.message = fmt::format("{} is not there: this machine is not enrolled", file);
        c.advice = enroll_advice;
        return c;
    }
    const auto facts = tls::read_certificate(files.certificate_file, files.private_key_file);
    if (facts.has_error()) {
        c.message = facts.error().message;
        c.advice = facts.error().code == errc::not_found
                       ? "Run this check as the agent's user or as root; where the file is lost, enrol "
                         "again: workestra-relay enroll --force"
                       : std::string(anew);
        return c;
    }
    const auto life = fmt::format("valid from {} to {}", format_rfc3339(facts->not_before),
                                  format_rfc3339(facts->not_after));
    if (!facts->matches_key) {
        c.message = fmt::format("{} does not belong to the key in {}", file, files.private_key_file.string());
        c.advice = anew;
    } else if (!facts->broken_link.empty()) {
        c.message = fmt::format("the chain in {} does not hang together: {}", file, facts->broken_link);
        c.advice = anew;
    } else if (now < facts->not_before) {
        c.message = fmt::format("{} is {}, and this machine's clock says {}: it is not valid yet",
                                facts->subject, life, format_rfc3339(now));
        c.advice = "The administrator of this machine sets its clock (timedatectl; NTP keeps it right).";
    } else if (now >= facts->not_after) {
        c.message = fmt::format("{} is {}, and this machine's clock says {}: it has expired", facts->subject,
                                life, format_rfc3339(now));
        c.advice =
            "Check this machine's clock. Where it is right, start the agent: it tries to renew an expired "
            "certificate, and the cloud decides; else enrol again: workestra-relay enroll --force";
    } else {
        c.ok = true;
        c.message =
            fmt::format("{}, {}: {} days left; chain of {}, belongs to its key", facts->subject, life,
                        std::chrono::floor<std::chrono::days>(facts->not_after - now).count(), facts->chain);
        if (enrolment::renewal_schedule::overdue(*facts, now))
            c.advice = "The agent should have renewed it by now: see its log for why it cannot, and whether "
                       "it runs.";
    }
    return c;
}

} // namespace relay::doctor
