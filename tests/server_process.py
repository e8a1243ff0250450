"""What the tests' database servers have in common: a process in a scratch folder, that a test may take away."""
import signal
import subprocess


class ServerProcess:
    """`process` and `log` are set by who starts it."""

    def kill(self):
        """As a machine that fails: at once."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()
