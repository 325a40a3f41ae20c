#include "neuract/config/summary.hpp"

#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>

namespace neuract::config {

namespace {

namespace json = boost::json;

/// The rows of both directions: visit(key, member). The order is the file's.
template <class Summary, class Visit>
void visit_fields(Summary& s, Visit visit) {
  visit("version", s.version);
  visit("config", s.config);
  visit("resumed_from", s.resumed_from);
  visit("seed", s.seed);
  visit("dt_ms", s.dt_ms);
  visit("duration_ms", s.duration_ms);
  visit("batch", s.batch);
  visit("threads", s.threads);
  visit("cohorts", s.cohorts);
  visit("nodes", s.nodes);
  visit("neurons", s.neurons);
  visit("synapses", s.synapses);
  visit("synapse_bytes", s.synapse_bytes);
  visit("build_s", s.build_s);
  visit("simulate_s", s.simulate_s);
  visit("real_time_factor", s.real_time_factor);
  visit("peak_rss_bytes", s.peak_rss_bytes);
  visit("spikes", s.spikes);
  visit("synaptic_events", s.synaptic_events);
}

template <class Population, class Visit>
void visit_population(Population& p, Visit visit) {
  visit("n", p.n);
  visit("spikes", p.spikes);
  visit("rate_hz", p.rate_hz);
  visit("cv_isi", p.cv_isi);
}

template <class Projection, class Visit>
void visit_projection(Projection& p, Visit visit) {
  visit("synapses", p.synapses);
  visit("bytes", p.bytes);
  visit("format", p.format);
  visit("representation", p.representation);
  visit("path", p.path);
  visit("fallback_reason", p.fallback_reason);
}

template <class Classifier, class Visit>
void visit_classifier(Classifier& c, Visit visit) {
  visit("answers", c.answers);
  visit("correct", c.correct);
  visit("accuracy", c.accuracy);
  visit("images_per_second", c.images_per_second);
}

template <class Weights, class Visit>
void visit_weights(Weights& w, Visit visit) {
  visit("synapses", w.synapses);
  visit("mean", w.mean);
  visit("sd", w.sd);
  visit("min", w.min);
  visit("max", w.max);
}

/// The lists of both directions: visit(key, list, fields of its parts).
template <class Summary, class Visit>
void visit_lists(Summary& s, Visit visit) {
  visit("populations", s.populations, [](auto& p, auto field) { visit_population(p, field); });
  visit("projections", s.projections, [](auto& p, auto field) { visit_projection(p, field); });
  visit("classifiers", s.classifiers, [](auto& c, auto field) { visit_classifier(c, field); });
  visit("weights", s.weights, [](auto& w, auto field) { visit_weights(w, field); });
}

std::string hash_text(std::uint64_t hash) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

json::value to_value(double number) { return std::isfinite(number) ? json::value(number) : json::value(nullptr); }
template <class T>
json::value to_value(const T& value) {
  return json::value(value);
}

// Boost writes 0.1 as 1E-1 and all on one line; this is for people.
void print(const json::value& value, std::size_t depth, std::string& out) {
  if (const double* number = value.if_double()) {
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), *number).ptr;
    const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
    out += digits;
    if (digits.find_first_of(".en") == std::string_view::npos) out += ".0";
  } else if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
    const std::string indent(2 * (depth + 1), ' ');
    out += "{\n";
    for (std::size_t i = 0; const auto& [key, member] : *object) {
      out += indent + json::serialize(json::value(key)) + ": ";
      print(member, depth + 1, out);
      out += ++i < object->size() ? ",\n" : "\n";
    }
    out += std::string(2 * depth, ' ') + "}";
  } else {
    out += json::serialize(value);
  }
}

/// Reads members of one JSON object, remembering the first fault.
class ObjectReader {
 public:
  ObjectReader(const json::object& object, std::string where, std::string& fault)
      : object_(object), where_(std::move(where)), fault_(fault) {}

  void operator()(const char* key, std::string& out) const {
    if (const json::value* value = find(key)) {
      if (const json::string* text = value->if_string())
        out.assign(text->data(), text->size());
      else
        wrong(key, "a text");
    }
  }
  void operator()(const char* key, double& out) const {
    if (const json::value* value = find(key)) {
      if (value->is_null())
        out = std::numeric_limits<double>::quiet_NaN();
      else if (value->is_number())
        out = value->to_number<double>();
      else
        wrong(key, "a number");
    }
  }
  template <class Integer>
  void operator()(const char* key, Integer& out) const {
    const json::value* value = find(key);
    if (value == nullptr) return;
    boost::system::error_code error;
    const auto number = value->is_number() ? value->to_number<Integer>(error) : Integer{};
    if (!value->is_number() || error)
      wrong(key, "a whole number");
    else
      out = number;
  }
  const json::object* object(const char* key) const {
    const json::value* value = find(key);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) wrong(key, "an object");
    return value->if_object();
  }

 private:
  const json::value* find(const char* key) const {
    const json::value* value = object_.if_contains(key);
    if (value == nullptr && fault_.empty()) fault_ = "\"" + where_ + key + "\" is missing";
    return value;
  }
  void wrong(const char* key, const char* expected) const {
    if (fault_.empty()) fault_ = "\"" + where_ + key + "\" is not " + expected;
  }

  const json::object& object_;
  std::string where_;
  std::string& fault_;
};

}  // namespace

std::string to_json(const RunSummary& summary) {
  json::object root;
  visit_fields(summary, [&](const char* key, const auto& value) { root[key] = to_value(value); });
  if (summary.version.empty()) root["version"] = NEURACT_VERSION;
  root["spike_hash"] = hash_text(summary.spike_hash);
  visit_lists(summary, [&](const char* key, const auto& list, const auto& visit_part) {
    json::object parts;
    for (const auto& part : list) {
      json::object object;
      visit_part(part, [&](const char* name, const auto& value) { object[name] = to_value(value); });
      parts[part.name] = std::move(object);
    }
    root[key] = std::move(parts);
  });
  std::string text;
  print(root, 0, text);
  return text + "\n";
}

Result<RunSummary> parse_summary(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return fail(ErrorCode::parse, "not JSON: ", error.message());
  if (!value.is_object()) return fail(ErrorCode::parse, "not a JSON object");
  std::string fault;
  const ObjectReader root(value.get_object(), "", fault);
  RunSummary summary;
  visit_fields(summary, root);
  std::string hash;
  root("spike_hash", hash);
  const auto [end, code] = std::from_chars(hash.data(), hash.data() + hash.size(), summary.spike_hash, 16);
  if (fault.empty() && (code != std::errc() || end != hash.data() + hash.size()))
    fault = "\"spike_hash\" is not hexadecimal";
  visit_lists(summary, [&](const char* key, auto& list, const auto& visit_part) {
    const json::object* parts = root.object(key);
    if (parts == nullptr) return;
    for (const auto& [name, member] : *parts) {
      auto& part = list.emplace_back();
      part.name = std::string(name);
      const std::string where = std::string(key) + "." + part.name;
      if (const json::object* object = member.if_object())
        visit_part(part, ObjectReader(*object, where + ".", fault));
      else if (fault.empty())
        fault = "\"" + where + "\" is not an object";
    }
  });
  if (!fault.empty()) return fail(ErrorCode::parse, fault);
  return summary;
}

Result<void> write_summary(const RunSummary& summary, const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "summary.json";
  std::filesystem::path partial = file;
  partial += ".partial";
  const std::string text = to_json(summary);
  errno = 0;
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) {
    const int reason = errno;
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    return fail(ErrorCode::io, "cannot write ", file.string(), ": ", std::generic_category().message(reason));
  }
  std::error_code error;
  std::filesystem::rename(partial, file, error);
  if (error) return fail(ErrorCode::io, "cannot write ", file.string(), ": ", error.message());
  return {};
}

Result<RunSummary> read_summary(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / "summary.json";
  if (!std::filesystem::exists(file)) return fail(ErrorCode::not_found, file.string(), " does not exist");
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || !text)
    return fail(ErrorCode::io, "cannot read ", file.string(), ": ", std::generic_category().message(errno));
  return parse_summary(text.str()).transform_error([&](Error error) {
    return std::move(error).with_context(file.string());
  });
}

}  // namespace neuract::config
