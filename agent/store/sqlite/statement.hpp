// A prepared statement: compiled at its first use, kept, bound anew for every run.
#pragma once

#include "agent/store/sqlite/database.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

struct sqlite3_stmt;

namespace relay::store::sqlite {

struct blob {
    std::string_view bytes;
};

// What can be bound to a parameter. Text and blobs are borrowed until the run or the query is over.
using value = std::variant<std::nullptr_t, std::int64_t, std::string_view, blob>;

class statement {
public:
    // `sql` is a literal: one statement, never built from data. It lives as long as this, and so does `db`.
    statement(database& db, std::string_view sql) : db_(db), sql_(sql) {}
    ~statement();
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;

    // Binds `values` to ?1, ?2, … and runs to the end; rows are dropped.
    result<void> run(std::initializer_list<value> values);

    // The rows of one run, in order; going away ends the run.
    class rows {
    public:
        rows(rows&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), failure_(other.failure_)
        {
        }
        rows& operator=(rows&&) = delete;
        ~rows();

        // False after the last row. Columns count from 0 and belong to the row of the last next().
        result<bool> next();
        std::int64_t number(int column) const;
        std::optional<std::int64_t> number_or_null(int column) const;
        std::string text(int column) const; // also of a blob; empty where null
        std::size_t bytes(int column) const;
        bool null(int column) const;

    private:
        friend class statement;
        rows(statement& owner, error_code failure) : owner_(&owner), failure_(failure) {}
        statement* owner_;
        error_code failure_; // of preparing or binding
    };

    // One run at a time.
    rows query(std::initializer_list<value> values);

private:
    error_code start(std::initializer_list<value> values);
    result<bool> step();
    void reset() noexcept;

    database& db_;
    std::string_view sql_;
    sqlite3_stmt* handle_ = nullptr;
};

// The first column of all rows, as text. Bounded by the query.
result<std::vector<std::string>> all_texts(statement::rows rows);

} // namespace relay::store::sqlite
