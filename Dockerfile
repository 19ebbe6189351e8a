# One image, four roles: Ray head, Ray worker, dashboard, search. docker-compose.yml gives each its command.
FROM python:3.11-slim

WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY hybrid_nas hybrid_nas
COPY nas nas
COPY search_spaces search_spaces
COPY workers workers
COPY dashboard dashboard
RUN pip install --no-cache-dir -c constraints.txt .

# Results that a search leaves beside the database (exports, pages) and data sets are mounted here.
RUN useradd --create-home nas && mkdir /data /results && chown nas /results
USER nas
WORKDIR /results

CMD ["nas", "--help"]
