// A prepared statement: compiled at its first use, kept, bound anew for every run.
#pragma once

#include "agent/store/sql/connection.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace relay::store::sql {

class statement {
public:
    // `sql` is a literal: one statement, never built from data. It lives as long as this, and so does `db`.
    statement(connection& db, std::string_view sql) : prepared_(db.prepare(sql)) {}
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;

    // Binds `values` to ?1, ?2, … and runs to the end; rows are dropped.
    result<void> run(std::initializer_list<value> values);

    // The rows of one run, in order; going away ends the run.
    class rows {
    public:
        rows(rows&& other) noexcept : of_(std::exchange(other.of_, nullptr)), failure_(other.failure_) {}
        rows& operator=(rows&&) = delete;
        ~rows();

        // False after the last row. Columns count from 0 and belong to the row of the last next().
        result<bool> next();
        std::int64_t number(int column) const { return of_->number(column); }
        std::optional<std::int64_t> number_or_null(int column) const;
        std::string text(int column) const { return std::string(of_->bytes(column)); } // empty where null
        std::size_t bytes(int column) const { return of_->bytes(column).size(); }
        bool null(int column) const { return of_->null(column); }

    private:
        friend class statement;
        rows(prepared& of, error_code failure) : of_(&of), failure_(failure) {}
        prepared* of_;
        error_code failure_; // of compiling or binding
    };

    // One run at a time.
    rows query(std::initializer_list<value> values);

private:
    std::unique_ptr<prepared> prepared_;
};

// The first column of all rows, as text. Bounded by the query.
result<std::vector<std::string>> all_texts(statement::rows rows);

} // namespace relay::store::sql
