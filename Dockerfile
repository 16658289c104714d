# The web page in a container, as a user without rights, without libGL:
#
#   docker build -t ovsam .
#   docker run --rm -p 7860:7860 -v "$PWD/work_dirs:/app/work_dirs:ro" ovsam
#   docker run --rm ovsam --help
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 GRADIO_ANALYTICS_ENABLED=False
WORKDIR /opt/ovsam
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY ovsam ovsam
COPY configs configs

# mmcv and lvis pull opencv-python, which needs libGL: both builds leave, the headless one comes back.
RUN PIP_CONSTRAINT=constraints.txt python -m pip install '.[demo,export]' \
    && python -m pip uninstall --yes opencv-python opencv-python-headless \
    && python -m pip install --no-deps -c constraints.txt opencv-python-headless \
    && useradd --create-home --uid 1000 ovsam \
    && install --directory --owner ovsam /app

USER ovsam
WORKDIR /app
EXPOSE 7860
HEALTHCHECK --start-period=60s --timeout=10s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/config', timeout=5)"]
ENTRYPOINT ["ovsam"]
CMD ["demo", "--host", "0.0.0.0", "--port", "7860"]
