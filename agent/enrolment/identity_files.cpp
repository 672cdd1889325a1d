#include "agent/enrolment/identity_files.hpp"

#include "agent/uplink/cloud_post.hpp"
#include "common/platform/private_files.hpp"
#include "common/text/text.hpp"

#include <algorithm>
#include <fstream>

namespace relay::enrolment {
namespace {

namespace fs = std::filesystem;
using platform::readable_by;

fs::path beside(const fs::path& place)
{
    auto file = place;
    file += ".new";
    return file;
}

bool there(const fs::path& file)
{
    std::error_code ec;
    return fs::exists(fs::symlink_status(file, ec));
}

bool fits(const fs::path& certificate, const fs::path& key)
{
    if (!there(certificate) || !there(key))
        return false;
    const auto facts = tls::read_certificate(certificate, key);
    return facts.has_value() && facts->matches_key;
}

failed cannot(std::string_view what, const fs::path& file, error_code ec)
{
    return {fault::local,
            std::string(what) + " " + file.string() + " failed: " + ec.message() +
                "; check that the folder is there and belongs to the user that the agent runs as"};
}

// At most what a certificate file of ours holds; empty where it cannot be read.
std::string text_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::string text(uplink::most_answer_bytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

} // namespace

places places_of(const fs::path& certificate_file, const fs::path& private_key_file,
                 const fs::path& told_ca_file)
{
    return {certificate_file, private_key_file,
            told_ca_file.empty() ? certificate_file.parent_path() / "cloud-ca.crt" : told_ca_file};
}

void identity_files::step() const
{
    if (step_)
        step_();
}

outcome<void> identity_files::prepare() const
{
    for (const auto& file : {places_.key, places_.certificate, places_.ca}) {
        const auto folder = file.parent_path();
        step();
        if (const auto ec = platform::make_private_folder(folder))
            return cannot("making the folder", folder, ec);
        if (const auto ec = platform::check_writable(folder))
            return cannot("writing into", folder, ec);
    }
    return {};
}

identity_files::leftover identity_files::look() const
{
    const auto key = beside(places_.key), certificate = beside(places_.certificate);
    if (fits(places_.certificate, key))
        return leftover::counting;
    if (fits(certificate, key))
        return leftover::whole;
    const bool any =
        there(key) || there(certificate) || there(beside(places_.ca)) || there(beside(places_.record()));
    return any ? leftover::torn : leftover::none;
}

outcome<void> identity_files::recover() const
{
    if (look() == leftover::none)
        return {};
    const auto alone = platform::folder_guard::take(places_.key.parent_path());
    std::error_code unknown;
    if (alone.has_error() && !fs::exists(places_.key.parent_path(), unknown))
        return {}; // what lies beside cloud.ca_file is of another agent that shares it
    if (alone.has_error())
        return cannot("locking", places_.key.parent_path(), alone.error());
    switch (look()) { // again: whoever had the folder may have ended it
    case leftover::counting:
        return finish();
    case leftover::torn:
        return remove_all();
    case leftover::none:
    case leftover::whole:
        break;
    }
    return {};
}

outcome<void> identity_files::settle() const
{
    const auto well = recover();
    return well.has_value() && !there(places_.certificate) && staged() ? commit() : well;
}

bool identity_files::staged() const
{
    return look() == leftover::whole;
}

outcome<void> identity_files::stage(const identity& i) const
{
    const auto alone = platform::folder_guard::take(places_.key.parent_path());
    if (alone.has_error())
        return cannot("locking", places_.key.parent_path(), alone.error());
    if (look() == leftover::counting)
        if (auto done = finish(); done.has_error())
            return done;
    if (auto done = remove_all(); done.has_error())
        return done;

    const auto write = [&](const fs::path& place, std::string_view text, readable_by who) -> outcome<void> {
        step();
        if (const auto ec = platform::write_synced(beside(place), text, who))
            return cannot("writing", beside(place), ec);
        return {};
    };
    auto record = i.record;
    record.certificate_sha256 = to_hex(sha256(i.certificate));
    if (auto done = write(places_.key, i.key.pem(), readable_by::owner); done.has_error())
        return done;
    if (auto done = write(places_.record(), config::to_json(record, places_.certificate.parent_path()),
                          readable_by::all);
        done.has_error())
        return done;
    if (i.ca)
        if (auto done = write(places_.ca, *i.ca, readable_by::all); done.has_error())
            return done;
    return write(places_.certificate, i.certificate, readable_by::all);
}

outcome<void> identity_files::commit(const std::optional<std::string>& certificate) const
{
    const auto alone = platform::folder_guard::take(places_.key.parent_path());
    if (alone.has_error())
        return cannot("locking", places_.key.parent_path(), alone.error());
    if (look() != leftover::whole || (certificate && text_of(beside(places_.certificate)) != *certificate))
        return failed{fault::local,
                      "the new certificate beside " + places_.certificate.string() +
                          " is not the one that was written there; is somebody else enrolling this agent?"};
    if (auto done = move(places_.certificate); done.has_error()) // from here on it counts
        return done;
    return finish();
}

outcome<void> identity_files::discard() const
{
    const auto alone = platform::folder_guard::take(places_.key.parent_path());
    if (alone.has_error())
        return cannot("locking", places_.key.parent_path(), alone.error());
    return look() == leftover::counting ? finish() : remove_all();
}

// The renames that follow the certificate's. The key last: as long as its new file is there, this is not done.
outcome<void> identity_files::finish() const
{
    for (const auto& place : {places_.ca, places_.record(), places_.key})
        if (there(beside(place)))
            if (auto done = move(place); done.has_error())
                return done;
    return {};
}

outcome<void> identity_files::move(const fs::path& place) const
{
    step();
    if (const auto ec = platform::move_synced(beside(place), place))
        return cannot("replacing", place, ec);
    return {};
}

// The certificate first: without it the rest is torn, whatever happens next.
outcome<void> identity_files::remove_all() const
{
    for (const auto& place : {places_.certificate, places_.ca, places_.record(), places_.key}) {
        if (!there(beside(place)))
            continue;
        step();
        if (const auto ec = platform::remove_synced(beside(place)))
            return cannot("removing", beside(place), ec);
    }
    return {};
}

tls::credential_files identity_files::staged_credentials(const trust_files& now) const
{
    const auto told = there(beside(places_.ca)) ? beside(places_.ca) : now.told_ca_file;
    const bool is_theirs =
        now.ca_file == places_.ca; // nobody has set one: what the cloud told is all that counts
    return {beside(places_.certificate), beside(places_.key), is_theirs ? fs::path() : now.ca_file, told};
}

std::string agent_id_of(const fs::path& certificate_file, const tls::certificate_facts& facts)
{
    const auto record = config::read_enrolment_record(certificate_file);
    // A record may be older than a certificate that was put there by hand.
    if (record && record->certificate_sha256 == to_hex(sha256(text_of(certificate_file))))
        return record->agent_id;
    return facts.common_name;
}

} // namespace relay::enrolment
