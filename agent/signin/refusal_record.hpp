// The last refusal of the service account, kept on disk, so that neither a restart nor a reload tries again at once what
// the directory has refused.
#pragma once

#include "common/error/error.hpp"
#include "common/secret/secret.hpp"
#include "common/time/time_source.hpp"

#include <filesystem>
#include <optional>

namespace relay::signin {

// The file says when credentials were refused and, by a salted hash that is slow by design (scrypt), which. What they are
// it does not give away: nobody tries passwords against it faster than against the directory's own store. All of it
// blocks; one thread at a time.
class refusal_record {
public:
    // `file` empty: nothing is kept.
    explicit refusal_record(std::filesystem::path file) : file_(std::move(file)) {}

    bool kept() const noexcept { return !file_.empty(); }
    // Whether there is a record, of whichever credentials.
    bool exists() const;
    // When `credentials` were refused last. Nothing where they were not: a record of others is removed then.
    std::optional<utc_time> recall(const secret& credentials) const;
    // They were refused, or are about to be tried although they were. On the disk before this returns.
    error_code note(const secret& credentials, utc_time at) const;
    // They are good. No error where there is no record.
    error_code clear() const;

private:
    std::filesystem::path file_;
};

} // namespace relay::signin
