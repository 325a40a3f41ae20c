#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace neuract::bench {

/// Calls `work` in `processes` processes of their own at the same time and returns what each answered. Memory that one
/// took is no part of another's peak, and the caller stays small. The caller has one thread. Throws with the message of
/// a process that throws, or says how it ended.
template <class Work>
std::vector<boost::json::value> run_apart(Work work, std::size_t processes = 1) {
  struct Child {
    pid_t id;
    int answer;
  };
  std::vector<Child> children;
  for (std::size_t i = 0; i < processes; ++i) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) throw std::runtime_error("no pipe can be made");
    const pid_t id = fork();
    if (id < 0) throw std::runtime_error("no process can be started");
    if (id == 0) {
      std::string text;
      try {
        text = boost::json::serialize(boost::json::value(work()));
      } catch (const std::exception& error) {
        text = boost::json::serialize(boost::json::object{{"error", error.what()}});
      }
      for (std::size_t done = 0; done < text.size();) {
        const ssize_t written = write(ends[1], text.data() + done, text.size() - done);
        if (written <= 0) break;
        done += static_cast<std::size_t>(written);
      }
      _exit(0);
    }
    close(ends[1]);
    children.push_back({id, ends[0]});
  }

  std::vector<std::string> texts;
  for (const Child& child : children) {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t size = 0; (size = read(child.answer, part.data(), part.size())) > 0;)
      text.append(part.data(), static_cast<std::size_t>(size));
    close(child.answer);
    int status = 0;
    waitpid(child.id, &status, 0);
    if (WIFSIGNALED(status))
      text = R"({"error":"a process was ended by signal )" + std::to_string(WTERMSIG(status)) + "\"}";
    texts.push_back(std::move(text));
  }
  std::vector<boost::json::value> answers;
  for (const std::string& text : texts) {
    answers.push_back(boost::json::parse(text));
    if (const auto* object = answers.back().if_object(); object != nullptr && object->contains("error"))
      throw std::runtime_error(object->at("error").as_string().c_str());
  }
  return answers;
}

}  // namespace neuract::bench
