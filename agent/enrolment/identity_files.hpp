// The files that are this agent's identity: certificate, key, CA and record, replaced so that whatever happens, certificate
// and key in their places belong together, or will before anybody uses them.
//
// Two files cannot be replaced in one step. So the new ones are first written whole beside their places, as NAME.new (key,
// record, CA, and the certificate last: a certificate that fits the key beside it means that all is there). Then one
// rename, the certificate's, makes them count; the others follow, the key last. A process killed
//   - before that rename leaves the old pair as it was, beside new files that are torn (removed by recover()) or whole (kept:
//     the cloud has granted them, and a token works once);
//   - after it leaves a certificate that fits the key in NAME.new: recover() does the renames that are missing.
// Everybody who uses the files calls recover() first, by itself or in settle(): the agent at its start, at a reload and
// before it renews, and enrolling.
#pragma once

#include "agent/enrolment/key_request.hpp"
#include "agent/enrolment/trusted_ca.hpp"
#include "common/config/enrolment_record.hpp"
#include "common/tls/tls.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace relay::enrolment {

struct places {
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::filesystem::path ca; // where a CA that the cloud tells goes

    std::filesystem::path record() const { return config::enrolment_record_file(certificate); }
    friend bool operator==(const places&, const places&) = default;
};

// `told_ca_file` empty: a CA goes beside the certificate, as cloud-ca.crt.
places places_of(const std::filesystem::path& certificate_file, const std::filesystem::path& private_key_file,
                 const std::filesystem::path& told_ca_file);

struct identity {
    const private_key& key;
    std::string certificate;         // PEM, leaf first
    std::optional<std::string> ca;   // PEM; nothing: the file stays as it is
    config::enrolment_record record; // its certificate_sha256 is filled in
};

// A value but for the disk. All of it blocks; other processes that do the same are kept out while a call lasts. Errors are
// fault::local, in words that name file and cause.
class identity_files {
public:
    explicit identity_files(places p) : places_(std::move(p)) {}

    const places& where() const noexcept { return places_; }

    // Makes the folders that are missing (for the owner only) and checks that all can be written: to be called before a
    // token is used up.
    outcome<void> prepare() const;

    // Ends what a process that died had begun: see above. To be called before the files are read. No error where there is
    // nothing to do or the folder is not there.
    outcome<void> recover() const;

    // recover(), and then commit() where something is staged and there is no certificate: enrolled, and died before it
    // counted.
    outcome<void> settle() const;

    // Whether a whole identity lies beside the places, granted and not in use yet.
    bool staged() const;
    // Writes one there; what lay there before is removed.
    outcome<void> stage(const identity& i) const;
    // Puts it in its places. `certificate`: the one that was staged; another one means that somebody else enrolled meanwhile.
    // Nothing: whichever lies there.
    outcome<void> commit(const std::optional<std::string>& certificate = std::nullopt) const;
    // Removes it.
    outcome<void> discard() const;

    // What is staged, with the CAs that will count once it is in use. `now`: those that count.
    tls::credential_files staged_credentials(const trust_files& now) const;

    // Called before each step that changes the disk, for tests: one that throws leaves everything as a kill there would.
    void at_each_step(std::function<void()> f) { step_ = std::move(f); }

private:
    enum class leftover { none, torn, whole, counting };
    leftover look() const;
    outcome<void> finish() const;
    outcome<void> remove_all() const;
    outcome<void> move(const std::filesystem::path& place) const;
    void step() const;

    places places_;
    std::function<void()> step_;
};

// The id that goes with a certificate: the one that enrolment told with it, else its common name; empty where it has none.
std::string agent_id_of(const std::filesystem::path& certificate_file, const tls::certificate_facts& facts);

} // namespace relay::enrolment
