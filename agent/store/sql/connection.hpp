// A database as the tables see it: statements by their text, rows, how many rows were changed. They do not know which engine
// it is.
#pragma once

#include "common/error/error.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace relay::store::sql {

struct blob {
    std::string_view bytes;
};

// What can be bound to a parameter. Text and blobs are borrowed until the run or the query is over.
using value = std::variant<std::nullptr_t, std::int64_t, std::string_view, blob>;

// A statement as an engine keeps it: compiled at its first run, one run at a time. statement.hpp has what callers use.
class prepared {
public:
    virtual ~prepared() = default;

    // Binds `values` to ?1, ?2, … and begins a run.
    virtual error_code start(std::span<const value> values) = 0;
    // False after the last row; of a statement that gives no rows, when it was run.
    virtual result<bool> step() = 0;
    // Ends the run.
    virtual void reset() noexcept = 0;

    // ---- the row of the last step() ----
    virtual std::int64_t number(int column) const = 0;
    virtual std::string_view bytes(int column) const = 0; // of text or a blob; until the next step or reset
    virtual bool null(int column) const = 0;
};

// Used by one thread at a time.
class connection {
public:
    virtual ~connection() = default;

    // `sql`: one statement, never built from data. It has to outlive the answer, as this has to.
    virtual std::unique_ptr<prepared> prepare(std::string_view sql) = 0;

    // How a transaction begins that will write: it waits for others now, and not half way.
    virtual std::string_view begin_to_write() const noexcept = 0;
    virtual bool in_transaction() const noexcept = 0;
    // Gives at most so many pages that are free back to the disk, but for those that will soon be used; how many. Inside a
    // transaction.
    virtual result<std::size_t> give_back(std::size_t most) = 0;
    // Rows changed by the last INSERT, UPDATE or DELETE.
    virtual std::int64_t changes() const noexcept = 0;

    // Says that the content is damaged although the engine sees nothing wrong: errc::store_corrupt.
    virtual error_code found_damaged(std::string why) = 0;
};

} // namespace relay::store::sql
