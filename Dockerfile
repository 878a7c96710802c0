# Freisteller in a container: the program and the weights of its built-in engine. It runs as an ordinary user, and its root
# file system may be read-only. docker-compose.yml shows how; docs/operations/install.md says what to mount.
#
#   docker build --tag freisteller .

FROM docker.io/library/python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE freisteller_command.py ./
COPY config config
COPY docs docs
COPY systemd systemd
COPY workflows workflows
COPY daemon daemon
# The same path as below, because a virtual environment cannot be moved. "cluster" is Dask, some 37 MB, which is loaded only
# by a scheduler, a worker, or a daemon that has them: docker-compose.cluster.yml, kubernetes/.
RUN python -m venv /opt/freisteller \
    && /opt/freisteller/bin/pip install --no-cache-dir '.[local,heic,raw,cluster]' \
    && U2NET_HOME=/opt/freisteller/weights /opt/freisteller/bin/freisteller models fetch u2netp

FROM docker.io/library/python:3.13-slim
COPY --from=build /opt/freisteller /opt/freisteller
# The mount points. Both must belong to the user that the container runs as.
RUN install -d -o 10001 -g 10001 /srv/freisteller /var/lib/freisteller
ENV PATH=/opt/freisteller/bin:$PATH \
    FREISTELLER__ROOT=/srv/freisteller \
    FREISTELLER__STATE_DIR=/var/lib/freisteller \
    U2NET_HOME=/opt/freisteller/weights \
    HOME=/tmp \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME ["/srv/freisteller", "/var/lib/freisteller"]
EXPOSE 9108
# Checks that the daemon's loops turn, not that an engine or the share is there: a restart would not bring those back.
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 CMD ["freisteller", "health"]
# SIGTERM finishes or hands back the photos in work; SIGHUP reads the settings again.
STOPSIGNAL SIGTERM
ENTRYPOINT ["freisteller"]
CMD ["run"]
